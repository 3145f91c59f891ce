"""A morning at the desk in a real browser: a call is booked, and a technician works by phone.

Each page is looked at by axe-core in both widths and both schemes. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_desk_day.py`.
"""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import expect

from testing.browser import PHOTO, Watched, demo_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA, THEO = ("anna@example.com", "advisor12345"), ("theo@example.com", "technician12345")
# An advisor, a technician with a login, checks, and an approved job that is theirs.
STAFF = f"""
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


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with demo_shop(tmp_path_factory.mktemp("desk"), STAFF) as (server, _):
        yield server.url


def test_a_call_is_booked(url, browser):
    desk = Watched(browser, url, ANNA)
    page, found = desk.page, []
    assert page.url == f"{url}/admin/today/"
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
    later = page.locator("#starts .days > .pick").nth(1).locator("label").first
    expect(later).to_be_visible()
    later.click()
    expect(page.locator("[data-sum=vehicle]")).to_have_text("2003 Honda Accord")
    found += desk.look("2-intake")
    # The board scrolls to the visit, but not so far that what was done is out of sight.
    page.set_viewport_size({"width": 1440, "height": 420})
    desk.press(re.compile(r"^Save and book \d\d:\d\d$"))
    expect(page.get_by_text("Lynda Park is booked: ")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1440, "height": 900})
    assert re.search(r"/admin/today/\?day=\d{4}-\d\d-\d\d&location=\d+#visit-\d+$", page.url)
    expect(page.get_by_role("link", name="Park · Accord").first).to_be_visible()
    found += desk.look("3-booked")
    assert desk.complaints + desk.outside + found == []


def test_what_is_typed_goes_along_with_the_customer_who_is_found(url, browser):
    desk = Watched(browser, url, ANNA, path="/admin/intake/")
    page, asked = desk.page, []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("What the customer says").fill("It squeals when cold")
    # A link would lose it, so the browser asks, and stays.
    page.get_by_role("link", name="Today").first.click()
    expect(page.get_by_label("What the customer says")).to_have_value("It squeals when cold")
    assert asked == ["beforeunload"]
    page.locator("#find").press_sequentially("Cooper")
    with page.expect_navigation(wait_until="load"):
        page.locator("#found a", has_text="Alice Cooper").click()
    expect(page.locator("[data-of=customer]")).to_have_text("Alice Cooper")
    expect(page.get_by_label("What the customer says")).to_have_value("It squeals when cold")
    assert asked == ["beforeunload"]
    assert desk.complaints + desk.outside == []


def test_a_technician_works_by_phone(url, browser):
    phone = Watched(browser, url, THEO, width=390)
    page, found = phone.page, []
    assert page.url == f"{url}/admin/my-jobs/"
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
    expect(page.get_by_text("The desk can quote from it, and the customer can see it.")).to_be_visible()
    phone.press("Job done")
    expect(page.get_by_text("Say in words what was done.")).to_be_visible()
    found += phone.look("8-no-words")
    page.get_by_label("What was done").fill("Pads and rotors replaced")
    phone.press("Job done")
    expect(page.get_by_text("Front brakes is done.")).to_be_visible()
    assert page.locator("[data-clock]").count() == 0
    found += phone.look("9-done")
    assert phone.complaints + phone.outside + found == []
