"""A day of one order in a real browser: written, sent, answered by phone, worked on, extended, completed and invoiced.

Every state is looked at by axe-core in both widths and both schemes. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_order_desk.py`.
"""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from testing.browser import Watched, demo_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA = ("anna@example.com", "advisor12345")
OPEN = f"""
from django.utils import timezone
from accounts.models import User
from appointments.models import Location
from customers.models import Customer
from repair_orders.actions import request_repair
from vehicles.models import Recommendation

User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
shop = Location.objects.exclude(is_default=True).order_by("id").first()
customer = Customer.objects.filter(company_name="", vehicles__isnull=False).exclude(contact=None).order_by("id").first()
vehicle = customer.vehicles.order_by("id").first()
Recommendation.objects.create(vehicle=vehicle, text="Replace the wiper blades", urgency="soon")
for _ in range(2):
    order = request_repair(customer=customer, vehicle=vehicle, location=shop,
                           description="It squeaks when cold.", now=timezone.now())
    print(order.pk)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Serve the demo data with an advisor and two orders of the second location, which has tax, fees and a ceiling."""
    with demo_shop(tmp_path_factory.mktemp("order"), OPEN) as (server, said):
        yield server.url, re.findall(r"^\d+$", said, re.M)


class Desk(Watched):
    """The page of an order."""

    def job(self, number: int) -> str:
        """Return the selector of a job's card."""
        head = self.page.locator(".job header h2", has_text=f"{number}. ").first
        return "#" + str(head.locator("xpath=../..").get_attribute("id"))

    def add(self, number: int, kind: str, what: str, count: str = "", price: str = "") -> None:
        """Add a line to a job: five fields, and Enter."""
        row = self.page.locator(f"{self.job(number)} .adding")
        row.locator("select").select_option(label=kind)
        row.locator("[name$=-quantity]").fill(count)
        row.locator("[name$=-price]").fill(price)
        row.locator("[name$=-what]").fill(what)
        with self.page.expect_navigation(wait_until="load"):
            row.locator("[name$=-what]").press("Enter")


def title(page: Page) -> str:
    return page.locator(".state strong").inner_text()


def write_the_order(desk: Desk) -> None:
    page = desk.page
    page.keyboard.press("j")
    expect(page.locator("#new-name")).to_be_focused()
    page.fill("#new-name", "front BRAKES")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    expect(page.locator(f"{desk.job(1)} .lines tbody tr")).to_have_count(3)
    page.fill("#new-name", "Oil service")
    desk.press("Add", within=".addjob")
    desk.add(2, "Labor", "Change oil and filter", "1.5")
    desk.add(2, "Part", "Oil from the barrel, quart", "4.5", "8.95")
    desk.add(2, "Part", "Bracket that no catalogue knows", "1", "12.40")
    bar = page.locator(".unsaved")
    expect(bar).to_be_hidden()
    quantity = page.locator(f"{desk.job(2)} .lines [name$=-quantity]").first
    quantity.fill("9")
    expect(quantity).to_have_class(re.compile("edited"))
    expect(bar.locator("b")).to_have_text("1 change not saved")
    bar.get_by_role("button", name="Take back").click()
    expect(quantity).not_to_have_value("9")
    expect(quantity).not_to_have_class(re.compile("edited"))
    expect(bar).to_be_hidden()
    page.fill("[name=o-discount_percent]", "5")
    page.fill("[name=o-notes]", "The keys are in the box.")
    expect(bar.locator("b")).to_have_text("2 changes not saved")
    expect(bar.get_by_role("button", name="Save (Ctrl+S)")).to_be_in_viewport()
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Control+s")
    lines = page.locator(f"{desk.job(2)} .lines tbody tr")
    expect(lines).to_have_count(3)
    prices = page.locator(".job .lines thead .p")
    places = {prices.nth(place).bounding_box()["x"] for place in range(prices.count())}
    assert (prices.count(), len(places)) == (2, 1)
    expect(lines.filter(has_text="Oil from the barrel")).to_contain_text("40.28")


def record_a_call(desk: Desk, decisions: list[str], name: str) -> str:
    """Choose for each job, read the total, and confirm it."""
    page = desk.page
    desk.press("Record a call")
    for place, decision in enumerate(decisions):
        page.locator(".choices-of fieldset").nth(place).get_by_label(decision).check()
    page.get_by_label("Who answered").fill(name)
    page.get_by_label("Number or address").fill("(555) 887-2211")
    desk.press("Show the total")
    chosen, shown = page.locator(".choices-of fieldset").first, page.locator(".step [data-total]")
    expect(shown).to_have_count(2)
    other = "Decline" if decisions[0] != "Decline" else "Approve"
    chosen.get_by_label(other).check()
    for place in range(2):
        expect(shown.nth(place)).to_be_hidden()
    chosen.get_by_label(decisions[0]).check()
    desk.press("Show the total again")
    shown = page.locator(".step .note b").last.inner_text()
    desk.press(re.compile("^Approve "))
    return shown


def test_day_of_an_order(shop, browser):
    url, [order, _] = shop
    desk = Desk(browser, url, ANNA, path=f"/admin/orders/{order}/")
    page, found = desk.page, []
    found += desk.look("1-empty")
    write_the_order(desk)
    found += desk.look("2-written")
    desk.press(re.compile(r"^Send the estimate, \$"))
    found += desk.look("3-send")
    desk.press(re.compile(r"^Send revision 1, \$"))
    expect(page.get_by_text(re.compile("Revision 1, .* is sent to "))).to_be_visible()
    found += desk.look("4-sent")
    total = record_a_call(desk, ["Approve", "Decline"], "Linda Park")
    expect(page.get_by_text(f"Linda Park approved {total}.")).to_be_visible()
    found += desk.look("5-approved")
    desk.press("Start the work")
    # More work is found while the car is apart.
    page.fill("#new-name", "Outer CV boot, front left")
    desk.press("Add", within=".addjob")
    desk.add(3, "Labor", "Replace the boot", "2.2")
    assert title(page) == "Job 3 waits to be sent."
    found += desk.look("6-more-work")
    desk.press(re.compile(r"^Send revision 2, \+\$"))
    desk.press(re.compile(r"^Send revision 2, \+\$"))
    # The shop changes it before the customer has answered.
    page.fill(f"{desk.job(3)} .lines input[name$=-hours]", "1.8")
    desk.press(re.compile("^Save the details"))
    assert "no longer matches this order" in title(page)
    expect(page.locator(".was")).to_have_text(re.compile(r"^Sent as 2.2 h, \$"))
    found += desk.look("7-changed")
    desk.press(re.compile(r"^Send revision 3, \+\$"))
    desk.press(re.compile(r"^Send revision 3, \+\$"))
    record_a_call(desk, ["Approve"], "Linda Park")
    found += desk.look("8-in-work")
    for number in (1, 3):
        desk.press(re.compile("^Job done"), within=desk.job(number))
        if page.locator(".problem").count():
            found += desk.look("9-part-needed")
            desk.press("Book it as received, and finish the job")
    assert title(page) == "All approved jobs are done."
    desk.press(re.compile(r"^Complete the order, \$"))
    found += desk.look("10-complete")
    desk.press("Complete the order", within="#step")
    desk.press("Issue the invoice")
    desk.press(re.compile(r"^Issue the invoice, \$"))
    assert title(page).startswith("Invoice ")
    found += desk.look("11-invoiced")
    desk.press(re.compile("^Take a payment"))
    assert "/admin/money/payment/?invoice=" in page.url
    assert (desk.complaints, desk.outside, found) == ([], [], [])


def test_two_advisors_at_one_order_without_scripts(shop, browser):
    url, [_, order] = shop
    path = f"/admin/orders/{order}/"
    anna = Desk(browser, url, ANNA, path=path)
    # The admin's form to sign in needs scripts.
    session = anna.page.context.storage_state()
    plain = Desk(browser, url, path=path, java_script_enabled=False, storage_state=session)
    anna.page.fill("[name=o-po_number]", "PO-3")
    anna.page.fill("#new-name", "Noise")
    anna.press(re.compile("^Save the details"))
    plain.page.fill("#new-name", "Rattle")
    plain.page.fill("[name=o-notes]", "Typed before")
    plain.press("Add", within=".addjob")
    box = plain.page.locator(".conflict")
    expect(box).to_contain_text("Anna Advisor changed this order at")
    expect(box).to_contain_text("Job 1, Noise was added")
    expect(plain.page.locator("#new-name")).to_have_value("Rattle")
    plain.press("Put my values back, then I save")
    expect(plain.page.get_by_text("Job 2, Rattle, was added.")).to_be_visible()
    expect(plain.page.locator("[name=o-notes]")).to_have_value("Typed before")
    expect(plain.page.locator("[name=o-po_number]")).to_have_value("PO-3")
    # The same conflict as the other one sees it, for the eyes.
    anna.page.fill("[name=o-notes]", "From an old page")
    anna.press(re.compile("^Save the details"))
    found = anna.look("12-conflict")
    with anna.page.expect_navigation():
        anna.page.get_by_role("link", name="Show the new one").click()
    expect(anna.page.locator("[name=o-notes]")).to_have_value("Typed before")
    expected = ["Failed to load resource: the server responded with a status of 409 (Conflict)"]
    assert (found, anna.complaints, anna.outside) == ([], expected, [])
