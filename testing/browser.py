"""The headless browser for tests that drive pages, and pages that note what is wrong with them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, Locator, Page

from testing.servers import Server, database, free_port, serving

CHROMIUM = shutil.which("chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = (settings.BASE_DIR / "config/tests/vendor/axe-core-4.14.1.min.js").read_text()
AXE_RUN = """async () => (await axe.run()).violations
  .filter(v => ["serious", "critical"].includes(v.impact))
  .map(v => `${v.id}: ${v.nodes.map(n => n.target).join(", ")}`)"""
# What Tab should reach, with how it looks without the focus. The radio buttons of a name are one. A field of a date has
# up to seven further stops, and the browser itself marks the one with the focus.
MARK_CONTROLS = """() => {
  document.activeElement?.blur();
  const properties = ["outline", "boxShadow", "borderColor", "backgroundColor", "textDecoration", "color", "clipPath"];
  const look = el => properties.map(name => getComputedStyle(el)[name]).join();
  window.lookOf = el => [el, el.parentElement, el.labels?.[0]].filter(Boolean).map(look).join("|");
  window.isDate = el => ["date", "time", "datetime-local", "month"].includes(el.type);
  const groups = new Set();
  const isFirst = name => !groups.has(name) && groups.add(name);
  const every = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]");
  window.controls = [...every].filter(el =>
    el.tabIndex >= 0 && !el.disabled && el.type !== "hidden" && !el.closest("[inert]")
    && el.checkVisibility({visibilityProperty: true}) && (el.type !== "radio" || isFirst(el.name)));
  window.before = new Map(window.controls.map(el => [el, window.lookOf(el)]));
  window.reached = new Set();
  window.unseen = new Set();
  return window.controls.length + 7 * window.controls.filter(window.isDate).length;
}"""
NOTE_FOCUS = """() => {
  const at = document.activeElement, isRadio = at.type === "radio";
  const el = isRadio ? window.controls.find(c => c.type === "radio" && c.name === at.name) : at;
  window.reached.add(el);
  if (!isRadio && !window.isDate(el) && window.before.get(el) === window.lookOf(el)) window.unseen.add(el);
}"""
MISSED_CONTROLS = """() => {
  const name = el => `${el.tagName} ${el.getAttribute("aria-label") || el.name || el.textContent.trim().slice(0, 40)}`;
  return [
    ...window.controls.filter(el => !window.reached.has(el)).map(el => `not reached: ${name(el)}`),
    ...[...window.unseen].map(el => `focus is not seen: ${name(el)}`),
  ];
}"""
# The smallest PNG that a browser shows.
PHOTO = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


@contextmanager
def demo_shop(folder: Path, script: str, **variables: str) -> Iterator[tuple[Server, str]]:
    """Serve the demo data after a script that adds to it. Yield the server and what the script printed."""
    port = free_port()
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
        env = {**env, "PUBLIC_URL": f"http://localhost:{port}"}
        command = ["manage.py", "serve", "--port", str(port)]
        with serving(command, folder=folder, port=port, env=env) as server:
            done = subprocess.run(
                [sys.executable, "-c", f"import django; django.setup()\n{script}"],
                cwd=settings.BASE_DIR,
                env={**os.environ, **env},
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            yield server, done.stdout


class Watched:
    """A page in a context of its own that notes complaints of the browser, requests to other hosts, and its presses.

    With a login it signs in at the admin. Screenshots are saved if the tests run with `SHOTS=folder`.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        login: tuple[str, str] | None = None,
        *,
        path: str = "/admin/",
        width: int = 1440,
        **options: Any,
    ) -> None:
        self.url, self.width = url, width
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.paths: list[str] = []  # of the pages that were shown
        self.presses = 0
        self.page: Page = browser.new_context(viewport={"width": width, "height": 900}, **options).new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda r: r.url.startswith((url, "data:")) or self.outside.append(r.url))
        self.page.on("framenavigated", lambda frame: self.paths.append(frame.url.removeprefix(url)))
        if login is None:
            self.page.goto(url + path)
        else:
            self.sign_in(*login, path=path)

    def sign_in(self, email: str, password: str, *, path: str) -> None:
        self.page.goto(f"{self.url}/admin/login/?next={path}")
        self.page.fill("input[name=username]", email)
        self.page.fill("input[name=password]", password)
        with self.page.expect_navigation(wait_until="load"):
            self.page.click("button[type=submit]")

    # --- Presses: each counts ---------------------------------------------------------------------------------

    def tap(self, target: Locator | str) -> None:
        """Click something that leads to no other page."""
        self.presses += 1
        (self.page.locator(target) if isinstance(target, str) else target).first.click()

    def follow(self, target: Locator | str | re.Pattern[str], *, within: str = "body") -> None:
        """Click a link, by its name or itself, and wait for the page that follows."""
        if not isinstance(target, Locator):
            exact = isinstance(target, str)
            target = self.page.locator(within).get_by_role("link", name=target, exact=exact)
        with self.page.expect_navigation(wait_until="load"):
            self.tap(target)

    def press(self, name: str | re.Pattern[str], *, within: str = "body") -> None:
        """Press a button and wait for the page that follows."""
        exact = isinstance(name, str)
        with self.page.expect_navigation(wait_until="load"):
            self.tap(self.page.locator(within).get_by_role("button", name=name, exact=exact))

    def key(self, name: str, *, leads: bool = False) -> None:
        """Press a key that does something, and wait for the page that follows if it leads to one."""
        self.presses += 1
        if not leads:
            self.page.keyboard.press(name)
            return
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(name)

    def choose(self, target: Locator | str, label: str) -> None:
        """Choose an option of a select: one press opens it, one chooses."""
        self.presses += 2
        (self.page.locator(target) if isinstance(target, str) else target).first.select_option(label=label)

    # --- Looks ------------------------------------------------------------------------------------------------

    def look(self, name: str) -> list[object]:
        """Return what axe and the widths find in both schemes, and save screenshots."""
        found: list[object] = []
        for scheme in ("light", "dark"):
            self.page.evaluate(
                "dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark"
            )
            for width in (1440, 390):
                self.page.set_viewport_size({"width": width, "height": 900})
                self.page.evaluate(AXE)
                wrong = self.page.evaluate(AXE_RUN)
                too_wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if wrong or too_wide > 0:
                    found.append((name, scheme, width, wrong, too_wide))
                self.shoot(f"{name}-{width}-{scheme}")
        self.page.evaluate("document.documentElement.classList.remove('dark')")
        self.page.set_viewport_size({"width": self.width, "height": 900})
        return found

    def tab_through(self) -> list[str]:
        """Return the controls that Tab does not reach, and those that look the same when they have the focus."""
        for _ in range(self.page.evaluate(MARK_CONTROLS) + 2):
            self.page.keyboard.press("Tab")
            self.page.evaluate(NOTE_FOCUS)
        missed: list[str] = self.page.evaluate(MISSED_CONTROLS)
        return missed

    def shoot(self, name: str) -> None:
        """Save a screenshot if one is wanted."""
        if folder := os.environ.get("SHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
