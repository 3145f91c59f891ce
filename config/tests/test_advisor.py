"""An advisor in a real browser estimates an order and assigns a technician."""

from __future__ import annotations

import os
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

ANN = ("ann@example.com", "advisor12345")
HIRE = f"""
import django; django.setup()
from accounts.models import User
User.objects.create_user("{ANN[0]}", "{ANN[1]}", first_name="Ann", last_name="Advisor", role="advisor")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the demo data with an advisor."""
    folder, port = tmp_path_factory.mktemp("advisor"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        with serving(command, folder=folder, port=port, env=env) as server:
            subprocess.run(
                [sys.executable, "-c", HIRE], cwd=settings.BASE_DIR, env={**os.environ, **env}, check=True
            )
            yield server


def shoot(page: Page, name: str) -> None:
    """Save a screenshot if run as `SHOTS=folder pytest config/tests/test_advisor.py`."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.fill("input[name=username]", ANN[0])
    page.fill("input[name=password]", ANN[1])
    page.click("button[type=submit]")
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible()


def press(page: Page, button: str, confirm: str | None = None) -> None:
    """Press a button of the page and the one with the same title in its dialog."""
    page.get_by_role("link", name=button, exact=False).first.click()
    page.locator("form button[type=submit]", has_text=confirm or button).last.click()


def choose(page: Page, box: str, text: str, choice: str) -> None:
    """Type into a select2 box and choose the result."""
    page.locator(f"{box} + .select2 .select2-selection").click()
    page.locator(".select2-search__field").last.fill(text)
    page.locator(".select2-results__option", has_text=choice).first.click()


def estimate_an_order(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/customers/customer/?q=alice+cooper")
    page.locator("#result_list a", has_text="Alice Cooper").first.click()
    expect(page.locator("#id_email")).to_have_value("alice.cooper@customer.com")
    shoot(page, "2-customer")
    page.get_by_role("link", name="Repair orders (16)").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(16)
    shoot(page, "3-orders")
    page.locator("#result_list tr", has_text="Requested").locator("a").first.click()
    shoot(page, "4-order")
    page.get_by_role("link", name="Add another Part", exact=False).first.click()
    rows = page.locator("#part_lines-group select[id$='-part']:not([id*='__prefix__'])")
    choose(page, f"#{rows.last.get_attribute('id')}", "brake", "Brake")
    shoot(page, "5-part")
    page.locator("button[name=_continue], input[name=_continue]").first.click()
    expect(page.get_by_text("was changed successfully").first).to_be_visible()
    press(page, "Send estimate")
    expect(page.get_by_text("The estimate was sent.").first).to_be_visible()
    shoot(page, "6-estimated")


def assign_a_technician(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/appointments/appointment/?status__exact=pending")
    page.locator("#result_list tbody tr a").first.click()
    page.get_by_role("link", name="Assign").first.click()
    shoot(page, "7-assign")
    page.locator("select[name=technician]").select_option(label="Test Technician")
    page.locator("form button[type=submit]", has_text="Assign").last.click()
    expect(page.get_by_text("The technician is assigned.").first).to_be_visible()
    shoot(page, "8-assigned")


def test_advisor_estimates_an_order_and_assigns_a_technician(server):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(10_000)
        complaints: list[str] = []
        outside: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: r.url.startswith((server.url, "data:")) or outside.append(r.url))
        try:
            sign_in(page, server.url)
            shoot(page, "1-desk")
            estimate_an_order(page, server.url)
            assign_a_technician(page, server.url)
        finally:
            shoot(page, "9-last")
            browser.close()
    assert (complaints, outside) == ([], [])
