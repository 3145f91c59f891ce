"""The evening of a cashier in a real browser: three payments, a refund, the day sheet and the closing of the day."""

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

MAX = ("max@example.com", "manager12345")
HIRE = f"""
import django; django.setup()
from accounts.models import User
User.objects.create_user("{MAX[0]}", "{MAX[1]}", first_name="Max", last_name="Manager", role="manager")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the demo data with a manager."""
    folder, port = tmp_path_factory.mktemp("cashier"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        with serving(command, folder=folder, port=port, env=env) as server:
            subprocess.run(
                [sys.executable, "-c", HIRE], cwd=settings.BASE_DIR, env={**os.environ, **env}, check=True
            )
            yield server


def shoot(page: Page, name: str) -> None:
    """Save a screenshot if run as `SHOTS=folder pytest config/tests/test_cashier.py`."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.fill("input[name=username]", MAX[0])
    page.fill("input[name=password]", MAX[1])
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/admin/money/")


def choose_the_second_location(page: Page) -> None:
    """Open the page from the sidebar. A choice of the location shows it at once."""
    with page.expect_navigation(wait_until="load"):  # the link leads to the address that is open already
        page.get_by_role("link", name="Money").first.click()
    with page.expect_navigation(wait_until="load"):
        page.select_option("#location", label="Shelbyville Garage")
    expect(page.get_by_role("heading", name=re.compile("^Shelbyville Garage"))).to_be_attached()


def received(page: Page) -> str:
    return page.locator(".top > div", has_text="Received").locator("b").inner_text()


def pay(page: Page, find: str, row: str, amount: str | None, method: str, confirm: str | None = None) -> None:
    """Take a payment: the key p, a search, the row to pay, the amount and the method."""
    page.wait_for_load_state("load")  # the script that reads the key
    page.keyboard.press("p")
    page.fill("#q", find)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=row).click()
    if amount:
        page.fill("#id_amount", amount)
    page.select_option("#id_method", label=method)
    page.get_by_role("button", name="Take the payment", exact=True).click()
    if confirm:
        button = page.get_by_role("button", name=confirm)
        expect(button).to_be_visible()
        shoot(page, "3-more-than-owed")
        button.click()
    page.wait_for_url(re.compile(r"/admin/money/\?"))


def take_three_payments(page: Page) -> None:
    shoot(page, "1-evening")
    pay(page, "linda park", "Pay invoice", None, "Cash")
    expect(page.get_by_text("of Linda Park was taken. All of it is used.")).to_be_visible()
    pay(page, "KDR-1180", "Deposit on order", "25.00", "Check")
    shoot(page, "2-deposit")
    keep = "Take the payment and keep $16.46 open"
    pay(page, "joseph marrow", "Pay invoice", "500.00", "Cash", confirm=keep)  # more cash than is given back
    expect(page.get_by_text("$16.46 of it is open.")).to_be_visible()


def give_a_deposit_back(page: Page) -> None:
    page.locator("#to-give-back").get_by_role("link", name="Refund to Dot Whitlow").click()
    page.fill("#id_reason", "The vehicle is sold.")
    shoot(page, "4-refund")
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_text("$100.00 was given back to Dot Whitlow.")).to_be_visible()
    expect(page.locator("#to-give-back")).not_to_contain_text("Dot Whitlow")


def close_the_day(page: Page) -> None:
    expected = page.locator("#closing b").inner_text().removeprefix("$")
    counted = f"{float(expected.replace(',', '')) - 1:.2f}"
    page.fill("#id_cash_counted", counted)
    page.fill("#id_note", "A dollar is missing.")
    shoot(page, "5-before-closing")
    page.get_by_role("button", name=re.compile("^Close ")).click()
    expect(page.locator("#closing")).to_contain_text(": $1.00 is missing.")
    shoot(page, "5-miscount")
    page.get_by_role("button", name="Close anyway").click()
    expect(page.get_by_text("is closed. $1.00 is missing.")).to_be_visible()
    expect(page.locator("#closing")).to_contain_text("−1.00")
    shoot(page, "6-closed")


def print_the_sheet(page: Page) -> bytes:
    href = page.get_by_role("link", name="Print day sheet").get_attribute("href")
    return page.request.get(f"{page.url.partition('/admin/')[0]}{href}").body()


def test_evening_of_a_cashier(server):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(15_000)
        complaints: list[str] = []
        outside: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: r.url.startswith((server.url, "data:")) or outside.append(r.url))
        try:
            sign_in(page, server.url)
            choose_the_second_location(page)
            before = received(page)
            take_three_payments(page)
            give_a_deposit_back(page)
            # Linda's 26.87, the deposit and Joseph's 500.00, less what Dot got back.
            gained = 26.87 + 25 + 500 - 100
            after = float(before[1:].replace(",", "")) + gained
            assert received(page) == f"${after:,.2f}"
            # The keys change the day.
            with page.expect_navigation(wait_until="load"):
                page.keyboard.press("[")
            expect(page.get_by_role("link", name="Day after")).to_be_visible()
            with page.expect_navigation(wait_until="load"):
                page.keyboard.press("]")
            expect(page.get_by_role("link", name="Day after")).to_have_count(0)
            close_the_day(page)
            assert print_the_sheet(page).startswith(b"%PDF-")
        finally:
            shoot(page, "9-last")
            browser.close()
    assert (complaints, outside) == ([], [])
