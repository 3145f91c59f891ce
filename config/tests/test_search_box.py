"""The search box in a real browser: `/` from any page, the arrows, Enter and Escape, and no script at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect, sync_playwright

from testing.browser import CHROMIUM, CHROMIUM_FLAGS
from testing.servers import database, free_port, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA = ("anna@example.com", "advisor12345")
HIRE = f"""
import django; django.setup()
from accounts.models import User
User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the demo data with an advisor."""
    folder, port = tmp_path_factory.mktemp("search"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        with serving(command, folder=folder, port=port, env=env) as server:
            subprocess.run(
                [sys.executable, "-c", HIRE], cwd=settings.BASE_DIR, env={**os.environ, **env}, check=True
            )
            yield server


@pytest.fixture
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def shoot(page: Page, name: str) -> None:
    """Save a screenshot if run as `SHOTS=folder pytest config/tests/test_search_box.py`."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def sign_in(page: Page, url: str) -> None:
    page.set_default_timeout(15_000)
    page.goto(f"{url}/admin/tables/")
    page.fill("input[name=username]", ANNA[0])
    page.fill("input[name=password]", ANNA[1])
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/admin/tables/")


def test_customer_is_found_by_keyboard_from_a_list(server, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, server.url)
    page.goto(f"{server.url}/admin/vehicles/vehicle/")  # its own search takes `/` in other admins
    page.keyboard.press("/")
    box = page.locator("#desk-find")
    expect(box).to_be_focused()
    page.keyboard.type("linda p")
    options = page.locator("#desk-find-list [role=option]")
    expect(options.first).to_contain_text("Linda Park")
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(options.first.locator("mark").first).to_have_text("Linda P")
    shoot(page, "box")
    page.keyboard.press("ArrowDown")
    active = box.get_attribute("aria-activedescendant")
    assert active == options.first.get_attribute("id")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("Escape")
    expect(page.locator("#desk-find-list")).to_be_hidden()
    expect(box).to_have_attribute("aria-expanded", "false")
    assert box.input_value() == "linda p"
    page.keyboard.type("ark")
    expect(page.locator("#desk-find-list")).to_be_visible()
    expect(options.first).to_contain_text("Linda Park")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/admin/customers-page/\d+/"))
    expect(page.get_by_role("heading", name="Linda Park").first).to_be_visible()
    # Without a chosen row Enter shows all. A slash in a text is a slash.
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/admin/search/?q=a%2Fb")
    assert complaints == []


def test_box_works_without_a_script(server, browser):
    page = browser.new_page(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    sign_in(page, server.url)
    page.goto(f"{server.url}/admin/search/")
    page.fill(".desk #q", "linda park")
    page.keyboard.press("Enter")
    expect(page.locator(".desk .found a").first).to_have_text("Linda Park")


def test_narrow_page_has_a_link_in_place_of_the_box(server, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    sign_in(page, server.url)
    expect(page.locator("#desk-find")).to_be_hidden()
    page.get_by_role("link", name="Search").first.click()
    page.wait_for_url(f"{server.url}/admin/search/")
    expect(page.locator(".desk #q")).to_be_focused()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
