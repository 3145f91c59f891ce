"""Promise: pages keep to themselves.

A real browser opens the admin, the portal, the documentation and refusals. There must be no request to another host, no
violation of the policy of the page and no console error, and the headers must be graded A.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.contrib import admin
from django.urls import Resolver404, resolve
from playwright.sync_api import Browser, Page, Response, sync_playwright

from portal.fleet.urls import urlpatterns as portal_pages
from testing.browser import CHROMIUM, CHROMIUM_FLAGS
from testing.servers import Server, free_port
from trust.fuzz import ROLES
from trust.grades import grade
from trust.promises import Tally, Trial

# These are no pages, or are not opened by a link.
_NO_PAGES = {
    "fleet-logout",
    "fleet-live",
    "fleet-photo",
    "admin:logout",
    "admin:jsi18n",
    "admin:view_on_site",
    "logout",
}
# Opened by a mailed link, or only without a session.
_FROM_MAIL = {
    *("fleet-new-password", "fleet-login", "fleet-forgotten"),
    *("fleet-invitation", "fleet-undo-email", "fleet-confirm-email"),
}
_WIDTHS = ({"width": 1400, "height": 900}, {"width": 390, "height": 844})
_REPORT = """addEventListener("securitypolicyviolation", event =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""


def pages(trial: Trial, tally: Tally) -> None:
    """Open one URL of every page, with the settings of a public host behind a TLS proxy."""
    with _public(trial) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        areas = (
            ("/admin/login/", "/admin/", ROLES["administrator"]["FLEET"]),
            ("/customer/login/", "/customer/", ROLES["customers"]["FLEET"]),
        )
        for login_page, home, (email, password) in areas:
            looker = _Looker(server, browser, tally)
            looker.look(login_page)
            looker.page.fill("input[name=username], input[name=email]", email)
            looker.page.fill("input[name=password]", password)
            looker.page.click("button[type=submit]")
            looker.page.wait_for_url(f"{server.url}{home}**")
            seen = _walk(looker, home, trial.size(1_000, 24, 2))
            looker.close()
            if trial.is_full:
                unseen = _expected(home) - seen
                tally.tried(not unseen, f"no link led to {sorted(unseen)}")
        _public_pages(_Looker(server, browser, tally))
        browser.close()
        for what, answer in _refusals(server):
            _graded(tally, what, {k.lower(): v for k, v in answer.headers.items()}, _set_cookies(answer))


@contextmanager
def _public(trial: Trial) -> Iterator[Server]:
    had_files = settings.STATIC_ROOT.exists()
    env = {
        "DEBUG": "false", "SECRET_KEY": secrets.token_urlsafe(60), "ALLOWED_HOSTS": "localhost",
        "TRUSTED_PROXIES": "1", "SECURE_SSL_REDIRECT": "false",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=settings.BASE_DIR,
        check=True,
        timeout=300,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
    )
    port = free_port()
    # The browser uses plain HTTP on the loopback, which appears in `Origin`.
    env |= {"CSRF_TRUSTED_ORIGINS": f"http://localhost:{port}"}
    try:
        with trial.server("SQLite", port=port, **env) as server:
            yield server
    finally:
        if not had_files:
            shutil.rmtree(settings.STATIC_ROOT, ignore_errors=True)


class _Looker:
    """A browser window that opens URLs and collects their faults."""

    def __init__(self, server: Server, browser: Browser, tally: Tally) -> None:
        self.url, self.tally = server.url, tally
        self.context = browser.new_context(
            viewport=_WIDTHS[0], extra_http_headers={"X-Forwarded-Proto": "https"}
        )
        self.context.add_init_script(_REPORT)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", lambda r: r.status >= 400 and self.complaints.append(f"{r.status} {r.url}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", self.url.replace("http", "ws", 1) + "/", "data:", "blob:")):
            self.complaints.append(f"asked {url}")

    def look(self, path: str, status: int = 200, then: Callable[[Page], object] | None = None) -> Response:
        """Open the URL and count two cases: its faults, and its headers."""
        self.complaints.clear()
        answer = self.page.goto(self.url + path, wait_until="load")
        assert answer is not None
        if then:
            then(self.page)
        self.page.wait_for_timeout(50)  # for scripts that run after the load event
        # The browser logs an error if the page itself is a refusal.
        noted = ("Failed to load resource", f"{status} {self.url}{path}") if status >= 400 else ()
        wrong = [text for text in self.complaints if not noted or not text.startswith(noted)]
        self.tally.tried(answer.status == status and not wrong, f"{path}: {answer.status} {wrong}")
        headers = answer.all_headers()
        _graded(self.tally, path, headers, headers.get("set-cookie", "").splitlines())
        return answer

    def close(self) -> None:
        self.context.close()


def _walk(looker: _Looker, home: str, most: int) -> set[str]:
    """Follow the links from `home`, but only the first URL of each view, and return the views seen."""
    waiting, seen = [home], {_name(home)}
    while waiting and most:
        path = waiting.pop(0)
        most -= 1
        looker.look(path)
        if path.endswith("/") and looker.page.locator("input[name=q]").count():
            looker.look(f"{path}?q=a")
        links = looker.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            parts = urlsplit(link)
            name = _name(parts.path)
            if link.startswith(f"{looker.url}{home}") and name and name not in seen | _NO_PAGES:
                seen.add(name)
                waiting.append(parts.path)
    return seen


def _name(path: str) -> str:
    try:
        found = resolve(path)
    except Resolver404:
        return ""
    return str(found.view_name or found.route)


def _expected(home: str) -> set[str]:
    """Return the views that the walk must have seen."""
    if home == "/customer/":
        return {pattern.name for pattern in portal_pages if pattern.name} - _NO_PAGES - _FROM_MAIL
    return {f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist" for m in admin.site._registry}


def _public_pages(looker: _Looker) -> None:
    looker.look("/api/docs/", then=lambda page: page.wait_for_selector(".opblock-tag", timeout=60_000))
    mailed = (f"/customer/{page}/" for page in ("password/new", "invitation", "email/undo", "email/confirm"))
    for path in ("/customer/login/", "/customer/password/", *mailed):
        looker.look(path, status=looker.context.request.get(looker.url + path).status)
    for path in ("/nothing/", "/customer/nothing/", "/admin/nothing/"):
        looker.look(path, status=looker.context.request.get(looker.url + path).status)
    looker.close()


def _refusals(server: Server) -> Iterator[tuple[str, requests.Response]]:
    """Yield responses of refusals, which no link leads to."""
    html = {"Accept": "text/html", "X-Forwarded-Proto": "https"}
    for path in ("/admin/login/", "/customer/login/"):
        yield f"POST {path} from nowhere", requests.post(server.url + path, headers=html, timeout=30)
        yield f"PUT {path}", requests.put(server.url + path, headers=html, timeout=30)
    yield "another host", requests.get(server.url, headers={**html, "Host": "evil.example"}, timeout=30)
    yield (
        "too large",
        requests.post(f"{server.url}/customer/login/", b"x" * 60_000_000, headers=html, timeout=60),
    )
    yield (
        "a stranger",
        requests.get(f"{server.url}/customer/", headers=html, timeout=30, allow_redirects=False),
    )
    yield "JSON", requests.get(f"{server.url}/api/vehicles/", headers=html, timeout=30)


def _set_cookies(answer: requests.Response) -> list[str]:
    return list(answer.raw.headers.getlist("set-cookie"))


def _graded(tally: Tally, what: str, headers: dict[str, str], cookies: list[str]) -> None:
    points, faults = grade(headers, cookies)
    is_json = headers.get("content-type") == "application/json"
    faults = [fault for fault in faults if not (is_json and fault == "no permissions-policy")]
    tally.tried(points >= 90 and not faults, f"{what}: {points} points: {faults}")
