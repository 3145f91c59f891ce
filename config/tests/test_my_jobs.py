"""The checks of *My jobs* on a phone whose connection is slow or breaks: what is entered is saved, or it says so."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from testing.browser import PHOTO, Watched, demo_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

THEO = ("theo@example.com", "technician12345")
FILE = {"name": "pad.png", "mimeType": "image/png", "buffer": PHOTO}
# A technician, and checks of an order for each test. Their items fill more than the screen of a phone.
CHECKS = f"""
from django.utils import timezone
from accounts.models import User
from appointments.models import Location, Technician
from inspections.actions import start_inspection
from inspections.models import Template
from repair_orders.actions import request_repair
from vehicles.models import Vehicle

theo = User.objects.create_user("{THEO[0]}", "{THEO[1]}", first_name="Theo", last_name="Lindt", role="technician")
shop = Location.objects.get(is_default=True)
technician = Technician.objects.create(name="Theo Lindt", user=theo, location=shop)
checks = Template.objects.create(name="Brake checks")
for position, name in enumerate(("Pads", "Discs", "Hoses", "Fluid", "Cables", "Drums", "Lines", "Pedal"), 1):
    checks.items.create(position=position, name=name)
vehicle = Vehicle.objects.order_by("id").first()
for _ in range(6):
    order = request_repair(customer=vehicle.customer, vehicle=vehicle, location=shop,
                           description="It pulls to the left.", now=timezone.now())
    start_inspection(order=order, template=checks, technician=technician, by=None, now=timezone.now())
    print("order", order.pk)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Serve the shop. Return its url, and the orders that no test has used."""
    with demo_shop(tmp_path_factory.mktemp("jobs"), CHECKS) as (server, said):
        yield server.url, re.findall(r"^order (\d+)$", said, re.M)


@pytest.fixture
def phone(shop, browser):
    url, orders = shop
    return Watched(browser, url, THEO, path=f"/admin/my-jobs/?order={orders.pop()}", width=390)


class Connection:
    """The phone's connection: it holds what is posted until it is let through, or breaks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.is_slow = True
        page.route("**/admin/my-jobs/**", self.take)

    def take(self, route: Route) -> None:
        if self.is_slow and route.request.method == "POST":
            self.held.append(route)
        else:
            route.continue_()

    def let_through(self) -> None:
        """Send the oldest that is held, and wait for the answer."""
        self.wait_for_one()
        with self.page.expect_response(lambda response: response.request.method == "POST") as answered:
            self.held.pop(0).continue_()
        assert answered.value.status == 200
        self.page.wait_for_timeout(100)

    def lose(self) -> None:
        """Break the connection of the oldest that is held."""
        self.wait_for_one()
        self.held.pop(0).abort()

    def wait_for_one(self) -> None:
        for _ in range(100):
            if self.held:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("nothing was posted")

    def mend(self) -> None:
        """Let everything through from now on."""
        self.is_slow = False
        while self.held:
            self.held.pop(0).continue_()


def findings(phone: Watched) -> Locator:
    return phone.page.locator("[data-finding]")


def rate(finding: Locator, word: str) -> None:
    finding.get_by_role("button", name=word).click()
    expect(finding.locator(".saved")).to_contain_text("Saved ")


def shown(finding: Locator) -> tuple[str, int]:
    return finding.get_by_label("Note").input_value(), finding.locator(".photos img").count()


def test_a_photo_that_is_chosen_while_a_note_is_saved_is_saved_too(phone):
    page = phone.page
    early, late = findings(phone).nth(0), findings(phone).nth(1)
    rate(early, "Now")
    rate(late, "Soon")
    connection = Connection(page)
    # The note is answered while the picker of files is open.
    early.get_by_label("Note").fill("Nearly gone")
    with page.expect_file_chooser() as opened:
        early.locator("input[type=file]").click()
    connection.let_through()
    opened.value.set_files(FILE)
    # The next item's note is answered after its photo is chosen, and after a rating.
    late.get_by_label("Note").fill("Grooves")
    with page.expect_file_chooser() as opened:
        late.locator("input[type=file]").click()
    opened.value.set_files(FILE)
    late.get_by_role("button", name="Now").click()
    connection.mend()
    for finding in (early, late):
        expect(finding.locator(".photos img")).to_have_count(1)
        expect(finding.locator(".saved")).to_contain_text("Saved ")
    expect(late.get_by_role("button", name="Now")).to_have_attribute("aria-pressed", "true")
    before = [shown(finding) for finding in (early, late)]
    page.reload()
    after = [shown(finding) for finding in (early, late)]
    assert (before, after) == ([("Nearly gone", 1), ("Grooves", 1)],) * 2
    assert phone.complaints == []


def test_a_rating_that_hides_the_photos_keeps_one_that_is_being_chosen(phone):
    page = phone.page
    finding = findings(phone).nth(0)
    rate(finding, "Now")
    finding.get_by_role("button", name="Good").click()
    expect(finding.get_by_label("Note")).to_be_hidden()
    finding.get_by_role("button", name="Now").click()
    expect(finding.get_by_label("Note")).to_be_visible()
    connection = Connection(page)
    finding.get_by_role("button", name="Good").click()
    with page.expect_file_chooser() as opened:
        finding.locator("input[type=file]").click()
    connection.let_through()
    expect(finding.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    opened.value.set_files(FILE)
    connection.let_through()
    expect(finding.locator(".photos img")).to_be_visible()
    page.reload()
    expect(finding.locator(".photos img")).to_be_visible()
    assert phone.complaints == []


def test_a_photo_that_was_not_sent_goes_before_what_is_entered_after_it(phone):
    page = phone.page
    finding = findings(phone).nth(0)
    rate(finding, "Now")
    connection = Connection(page)
    finding.locator("input[type=file]").set_input_files(FILE)
    connection.lose()
    expect(finding.locator(".saved")).to_have_text("Not sent. Try again")
    # The next page would lose it, so the button does not lead there while it cannot be sent.
    page.get_by_role("button", name="Finish the checks").click()
    connection.lose()
    expect(finding.get_by_role("button", name="Try again")).to_be_focused()
    finding.get_by_label("Note").fill("Nearly gone")
    finding.get_by_label("Note").press("Tab")
    connection.mend()
    expect(finding.locator(".photos img")).to_have_count(1)
    expect(finding.locator(".saved")).to_contain_text("Saved ")
    page.reload()
    assert shown(finding) == ("Nearly gone", 1)
    assert phone.complaints == ["Failed to load resource: net::ERR_FAILED"] * 2


def test_what_was_not_sent_is_shown_and_sent_when_the_connection_is_back(phone):
    page = phone.page
    first, second = findings(phone).nth(0), findings(phone).nth(1)
    rate(first, "Good")
    page.context.set_offline(True)
    taps = [finding.get_by_role("button", name=word) for finding, word in ((first, "Now"), (second, "Soon"))]
    for tap in taps:
        tap.click()
    for finding, tap in zip((first, second), taps, strict=True):
        expect(finding.locator(".saved")).to_have_text("Not sent. Try again")
        expect(finding.locator("[aria-pressed=true]")).to_have_count(1)
        expect(tap).to_have_attribute("aria-pressed", "true")
        expect(tap).to_have_class(re.compile(r"\bpending\b"))
    bar = page.locator(".notsent")
    expect(bar).to_have_text("2 not sent · Send all")
    expect(bar).to_be_in_viewport(ratio=1)
    found = phone.look("not-sent")
    bar.get_by_role("button", name="Send all").click()  # still without a connection
    expect(bar).to_have_text("2 not sent · Send all")
    page.context.set_offline(False)
    for finding in (first, second):
        expect(finding.locator(".saved")).to_contain_text("Saved ")
    expect(bar).to_have_count(0)
    expect(page.locator(".pending")).to_have_count(0)
    page.reload()
    for tap in taps:
        expect(tap).to_have_attribute("aria-pressed", "true")
    assert set(phone.complaints) == {"Failed to load resource: net::ERR_INTERNET_DISCONNECTED"}
    assert found == []


def test_a_button_of_the_page_waits_for_a_photo_that_is_on_its_way(phone):
    page = phone.page
    for finding in findings(phone).all():
        rate(finding, "Good")
    rate(findings(phone).nth(0), "Now")
    connection = Connection(page)
    findings(phone).nth(0).locator("input[type=file]").set_input_files(FILE)
    finish = page.get_by_role("button", name="Finish the checks")
    finish.click()
    expect(finish).to_have_attribute("aria-busy", "true")
    connection.let_through()  # the photo, which is answered before the button is sent
    connection.mend()
    expect(page.get_by_text("The desk can quote from it, and the customer can see it.")).to_be_visible()
    assert phone.complaints == []


def test_checks_that_cannot_be_finished_lead_to_the_first_item_without_a_rating(phone):
    page = phone.page
    for place in (0, 1, 2, 4, 5, 6):
        rate(findings(phone).nth(place), "Good")
    phone.press("Finish the checks")
    first, second = findings(phone).nth(3), findings(phone).nth(7)
    expect(first).to_be_in_viewport(ratio=1)
    for finding in (first, second):
        expect(finding.locator(".saved")).to_have_text("Not rated yet")
    refusal = page.locator(".foot [role=alert]")
    assert refusal.get_by_role("listitem").all_inner_texts() == ["Fluid", "Pedal"]
    found = phone.look("not-rated")
    # The refusal stands at the button. It names what is left, and leads to it.
    page.get_by_role("button", name="Finish the checks").scroll_into_view_if_needed()
    expect(refusal).to_be_in_viewport(ratio=1)
    rate(first, "Good")
    assert refusal.get_by_role("listitem").all_inner_texts() == ["Pedal"]
    phone.tap(refusal.get_by_role("link", name="Pedal"))
    expect(second).to_be_in_viewport(ratio=1)
    rate(second, "Good")
    expect(refusal).to_have_count(0)
    phone.press("Finish the checks")
    expect(page.get_by_text("The desk can quote from it, and the customer can see it.")).to_be_in_viewport(
        ratio=1
    )
    assert phone.complaints + phone.outside + found == []
