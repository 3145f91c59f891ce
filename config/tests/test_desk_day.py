"""A morning at the desk in a real browser: a call is booked, and a technician works by phone.

Each page is looked at by axe-core in both widths and both schemes. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_desk_day.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from config.tests.test_fleet import AXE, AXE_RUN
from testing.browser import CHROMIUM, CHROMIUM_FLAGS
from testing.servers import database, free_port, serving

pytestmark = [
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA, THEO = ("anna@example.com", "advisor12345"), ("theo@example.com", "technician12345")
# An advisor, a technician with a login, checks, and an approved job that is theirs.
STAFF = f"""
import django; django.setup()
from django.utils import timezone
from accounts.models import User
from appointments.models import Location, Technician
from customers.models import Customer
from inspections.models import Template
from repair_orders.actions import request_repair
from repair_orders.estimates.actions import Answerer, answer, send_estimate
from repair_orders.jobs import add_job
from repair_orders.models import Job

User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
theo = User.objects.create_user("{THEO[0]}", "{THEO[1]}", first_name="Theo", last_name="Lindt", role="technician")
shop = Location.objects.get(is_default=True)
technician = Technician.objects.create(name="Theo Lindt", user=theo, location=shop)
vehicle = Customer.objects.get(contact__email="alice.cooper@customer.com").vehicles.order_by("id").first()
order = request_repair(customer=vehicle.customer, vehicle=vehicle, location=shop,
                       description="It squeaks when cold.", now=timezone.now())
Job.objects.create(repair_order=order, position=1, name="Front brakes", technician=technician, status="approved")
type(order).objects.filter(pk=order.pk).update(status="approved", approved_at=timezone.now())
Template.objects.order_by("id").first().items.filter(position__gt=4).delete()
"""
PHOTO = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with database(folder) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        with serving(command, folder=folder, port=port, env=env) as server:
            subprocess.run(
                [sys.executable, "-c", STAFF],
                cwd=settings.BASE_DIR,
                env={**os.environ, **env},
                check=True,
                capture_output=True,
            )
            yield server


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page that notes complaints of the browser, and requests to other hosts."""

    def __init__(self, browser: Browser, server, login: tuple[str, str], width: int = 1440) -> None:
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page: Page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request", lambda r: r.url.startswith((server.url, "data:")) or self.outside.append(r.url)
        )
        self.width = width
        self.page.goto(f"{server.url}/admin/")
        self.page.fill("input[name=username]", login[0])
        self.page.fill("input[name=password]", login[1])
        with self.page.expect_navigation(wait_until="load"):
            self.page.click("button[type=submit]")

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button and wait for the page that follows."""
        button = self.page.get_by_role("button", name=name, exact=isinstance(name, str)).first
        with self.page.expect_navigation(wait_until="load"):
            button.click()

    def look(self, name: str) -> list[object]:
        """Return what axe and the widths find in both schemes, and save screenshots."""
        folder, found = os.environ.get("SHOTS"), []
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
                if folder:
                    self.page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        self.page.evaluate("document.documentElement.classList.remove('dark')")
        self.page.set_viewport_size({"width": self.width, "height": 900})
        return found


def test_a_call_is_booked(server, browser):
    desk = Watched(browser, server, ANNA)
    page, found = desk.page, []
    assert page.url == f"{server.url}/admin/today/"
    found += desk.look("1-today")
    # A new customer calls. The VIN is typed badly.
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("n")
    page.locator("#find").press_sequentially("(555) 887-2299")
    expect(page.locator("#found")).to_contain_text("No customer with (555) 887-2299.")
    page.get_by_label("First name").fill("Lynda")
    page.get_by_label("Last name").fill("Park")
    page.get_by_label("Phone").fill("(555) 887-2299")
    page.get_by_label("VIN").fill("1hgcm-82633 a004352")
    expect(page.locator("#vin-reads")).to_contain_text("Reads as 1HGCM82633A004352.")
    for label, value in (("Year", "2003"), ("Make", "Honda"), ("Model", "Accord")):
        page.get_by_label(label).fill(value)
    page.get_by_label("What the customer says").fill("Squeals when braking")
    page.locator(".pick label", has_text="Brake").first.click()
    later = page.locator("#starts .days .pick").nth(1).locator("label").first
    expect(later).to_be_visible()
    later.click()
    expect(page.locator("[data-sum=vehicle]")).to_have_text("2003 Honda Accord")
    found += desk.look("2-intake")
    desk.press(re.compile(r"^Save and book \d\d:\d\d$"))
    assert re.search(r"/admin/today/\?day=\d{4}-\d\d-\d\d&location=\d+#visit-\d+$", page.url)
    expect(page.get_by_role("link", name="Park · Accord").first).to_be_visible()
    found += desk.look("3-booked")
    assert desk.complaints + desk.outside + found == []


def test_a_technician_works_by_phone(server, browser):
    phone = Watched(browser, server, THEO, width=390)
    page, found = phone.page, []
    assert page.url == f"{server.url}/admin/my-jobs/"
    found += phone.look("6-my-jobs")
    phone.press("Start Front brakes")
    expect(page.locator("[data-clock]")).to_have_text("0:00")
    phone.press("Start")
    first = page.locator("[data-finding]").first
    first.get_by_role("button", name="Now").click()
    expect(first.locator(".saved")).to_contain_text("Saved ")
    expect(page.locator("[data-count]")).to_have_text(re.compile(r"^1 of \d+ checked$"))
    first.get_by_label("Note").fill("Inner pad nearly gone")
    first.get_by_label("Note").press("Tab")
    expect(first.locator(".saved")).to_contain_text("Saved ")
    with page.expect_response(lambda response: response.request.method == "POST"):
        first.locator("input[type=file]").set_input_files(
            {"name": "pad.png", "mimeType": "image/png", "buffer": PHOTO}
        )
    expect(first.locator("img")).to_have_count(1)
    expect(first.get_by_label("Note")).to_have_value("Inner pad nearly gone")
    found += phone.look("7-checks")
    for finding in page.locator("[data-finding]").all()[1:]:
        finding.get_by_role("button", name="Good").click()
        expect(finding.locator(".saved")).to_contain_text("Saved ")
    phone.press("Finish the checks")
    expect(page.get_by_text("The customer can see it.")).to_be_visible()
    phone.press("Job done")
    expect(page.get_by_text("Say in words what was done.")).to_be_visible()
    found += phone.look("8-no-words")
    page.get_by_label("What was done").fill("Pads and rotors replaced")
    phone.press("Job done")
    expect(page.get_by_text("Front brakes is done.")).to_be_visible()
    assert page.locator("[data-clock]").count() == 0
    found += phone.look("9-done")
    assert phone.complaints + phone.outside + found == []
