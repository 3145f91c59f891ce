"""A working day in a real browser, from the first call to the closing: an advisor, a technician by phone, a manager,
and the phone of a customer.

Each step counts its presses (a click, a tap, or a key that does something; typing is none) and its seconds. Presses
have a bound. With `SHOTS=folder pytest config/tests/test_whole_day.py` the table is written there, with screenshots.
`docs/day.md` names the steps by the numbers used here.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from testing.browser import PHOTO, Watched, demo_shop
from testing.inbox import Inbox, link_of
from testing.live import ADMIN, ALICE, Person

pytestmark = [
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA, THEO = ("anna@example.com", "advisor12345"), ("theo@example.com", "technician12345")
MAX = ("max@example.com", "manager12345")
LYNDA = "lynda.parrish@example.com"
# A shop that is open every day, in a zone in which it is past ten in the morning now, with all that a day needs.
SHOP = f"""
from datetime import time, timedelta
from decimal import Decimal
from django.utils import timezone
from accounts.models import User
from appointments.actions import save_location
from appointments.models import Bay, Location, OpeningHours, ServiceType, Technician
from catalogue.models import Part
from catalogue.shelf.actions import receive
from chat.actions import start_conversation
from customers.actions import add_walk_in
from customers.callers import caller_of_user
from customers.models import Customer
from inspections.models import Template
from inspections.templates import save_template
from orders.actions import place_order
from repair_orders.pricing.actions import save_fee_rule, save_labour_rate, save_rule
from repair_orders.pricing.models import FeeKind, FeeRule, LabourRate, OverrunPolicy, TaxRule
from vehicles.actions import add_vehicle

now = timezone.now()
ahead = 10 - now.hour if now.hour <= 22 else 34 - now.hour
shop = save_location(
    Location(), name="Riverside Garage", legal_name="Riverside Garage LLC", address="1 River Road, Springfield",
    latitude=Decimal("42.1"), longitude=Decimal("-72.5"), phone="(555) 555-0140", time_zone=f"Etc/GMT{{-ahead:+d}}",
)
OpeningHours.objects.bulk_create(
    OpeningHours(location=shop, weekday=day, opens=time(7), closes=time(19)) for day in range(7)
)
Bay.objects.bulk_create(Bay(location=shop, name=f"Bay {{number}}") for number in (1, 2, 3))
save_labour_rate(LabourRate(), location=shop, name="Labor", per_hour=Decimal("120.00"))
save_rule(TaxRule(), location=shop, percent=Decimal("8.25"), taxes_sublet=False)
save_fee_rule(FeeRule(), location=shop, name="Shop supplies", kind=FeeKind.PERCENT_OF_PARTS_AND_LABOUR,
              percent=Decimal(5), cap=Decimal("25.00"))
save_rule(OverrunPolicy(), location=shop, percent=Decimal(10))
User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
User.objects.create_user("{MAX[0]}", "{MAX[1]}", first_name="Max", last_name="Manager", role="manager")
theo = User.objects.create_user("{THEO[0]}", "{THEO[1]}", first_name="Theo", last_name="Lindt", role="technician")
Technician.objects.create(name="Theo Lindt", user=theo, location=shop)
Technician.objects.create(name="Nora Hill", location=shop)
Template.objects.update(is_listed=False)
save_template(Template(), name="Arrival check", items=[
    {{"group": "Under the hood", "name": name}} for name in ("Engine oil", "Coolant", "Battery", "Drive belt")
])
save_template(Template(), name="Brakes apart", items=[
    {{"group": "Brakes", "name": name}} for name in ("Brake hoses", "Calipers")
])
hose = Part.objects.create(name="Brake hose, front", part_number="HOSE-F-77", unit_price=Decimal("38.50"))
receive(part=hose, pieces=1, by=None, now=now)

def customer(first, last, phone, **car):
    added = add_walk_in(now=now, first_name=first, last_name=last, phone=phone)
    return added, add_vehicle(customer=added, by=None, now=now, **car)

customer("Walter", "Quarrel", "(555) 887-2300", make="Volkswagen", model="Jetta", year=2015, license_plate="WQ-7788",
         odometer=Decimal("61200"))
customer("Vera", "Quimby", "(555) 887-2377", make="Subaru", model="Outback", year=2012, license_plate="VQ-1212")
alice = User.objects.get(email="alice.cooper@customer.com")
start_conversation(by=caller_of_user(alice), subject="Is the car ready?", message="When can I fetch it?",
                   now=now - timedelta(days=900))
mats = Part.objects.create(name="Floor mats", part_number="MAT-1", manufacturer="Weather", unit_price=Decimal("49.00"))
receive(part=mats, pieces=4, by=None, now=now)
print(place_order(customer_id=Customer.objects.get(contact=alice).pk, items=[(mats.pk, 2)], now=now).number)
"""
# Pages of the desk. Pages of a model's table or of one of its rows are none of them.
PAGES = re.compile(
    r"/(admin/(login|today|intake|visits/\d+|orders/\d+|my-jobs|money(/payment|/refund/\d+|/[a-z-]+)?|customers-page/\d+"
    r"(/[a-z0-9/-]+)?|conversations(/\d+|/new)?|parts-desk|search|follow-ups|prices|team)?/?|e/[\w-]+/?)(\?.*)?(#.*)?"
)


@dataclass
class Row:
    """A measured step: its numbers in docs/day.md, what was done, presses with their bound, and seconds."""

    numbers: str
    name: str
    presses: int
    most: int
    seconds: float


@dataclass
class Day:
    """The people of the day with their pages, and what was measured."""

    anna: Watched
    theo: Watched
    max: Watched
    inbox: Inbox
    parts_order: str
    rows: list[Row] = field(default_factory=list)
    order: str = ""  # the path of the order of the day
    number: str = ""  # its number
    found: list[object] = field(default_factory=list)  # by axe, and pages that are too wide
    looked: float = 0  # seconds of looking, which are none of a step

    @contextmanager
    def step(self, numbers: str, name: str, most: int, who: Watched) -> Iterator[Page]:
        """Measure a step of one person, and hold its bound."""
        before, began, looked = who.presses, time.monotonic(), self.looked
        yield who.page
        seconds = time.monotonic() - began - (self.looked - looked)
        row = Row(numbers, name, who.presses - before, most, seconds)
        self.rows.append(row)
        who.shoot(f"{len(self.rows):02}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}")
        assert row.presses <= most, row

    def look(self, who: Watched, name: str) -> None:
        """Look at a page with axe, in both widths and schemes."""
        began = time.monotonic()
        self.found += who.look(name)
        self.looked += time.monotonic() - began

    def table(self) -> str:
        lines = ["| steps | done | presses | at most | seconds |", "|---|---|---|---|---|"]
        lines += [
            f"| {row.numbers} | {row.name} | {row.presses} | {row.most} | {row.seconds:.1f} |"
            for row in self.rows
        ]
        presses, seconds = sum(row.presses for row in self.rows), sum(row.seconds for row in self.rows)
        return "\n".join([*lines, f"| | together | {presses} | | {seconds:.0f} |", ""])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Serve the shop, with a mail server. Yield the URL, the inbox and the number of a parts order."""
    with (
        Inbox() as inbox,
        demo_shop(tmp_path_factory.mktemp("day"), SHOP, EMAIL_URL=inbox.url) as (server, said),
    ):
        yield server.url, inbox, said.split()[-1]


# --- Short ways -----------------------------------------------------------------------------------------------


def told(page: Page, text: str | re.Pattern[str]) -> None:
    """Expect a message of the page, on the screen without scrolling."""
    found = page.get_by_text(text).first
    expect(found).to_be_visible()
    expect(found).to_be_in_viewport()


def side_bar(who: Watched, name: str) -> None:
    """Open a page by the side bar: one press."""
    item = who.page.get_by_text(name, exact=True)
    who.follow(who.page.locator("#nav-sidebar-inner a", has=item))


def find(who: Watched, text: str, name: str) -> None:
    """Find something from any page by the box in its head: a key and a press."""
    who.key("/")
    who.page.keyboard.type(text)
    who.follow(who.page.locator("#desk-find-list [role=option]", has_text=name))


def find_order(who: Watched, day: Day) -> None:
    """Find the order of the day by its number."""
    who.key("/")
    who.page.keyboard.type(f"RO {day.number}")
    who.follow(who.page.locator(f"#desk-find-list [href='{day.order}']"))


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)


def job(page: Page, name: str) -> Locator:
    """Return the card of a job."""
    return page.locator("section.job", has=page.get_by_role("heading", name=re.compile(rf"^\d+\. {name}")))


def add_line(who: Watched, card: Locator, kind: str, what: str, count: str = "", price: str = "") -> None:
    """Type a line into a job's empty fields, its kind by its first letter, and press Enter."""
    card.locator(".adding select").press(kind[0])
    expect(card.locator(".adding select option:checked")).to_have_text(kind)
    card.locator("[name$=-quantity]").last.fill(count)
    card.locator("[name$=-price]").last.fill(price)
    card.locator("[name$=-what]").last.fill(what)
    who.key("Enter", leads=True)


def add_job(who: Watched, name: str) -> None:
    who.key("j")
    expect(who.page.locator("#new-name")).to_be_focused()
    who.page.keyboard.type(name)
    who.key("Enter", leads=True)


def title(page: Page) -> str:
    return page.locator(".state strong").inner_text()


# --- The morning ----------------------------------------------------------------------------------------------


def calls_of_the_morning(day: Day) -> None:
    anna = day.anna
    with day.step("11", "board of the shop", 2, anna) as page:
        with page.expect_navigation(wait_until="load"):
            anna.choose("#location", "Riverside Garage")
        expect(page.get_by_text("open 07:00 to 19:00")).to_be_visible()
    with day.step("1", "caller found by phone, in another spelling", 2, anna) as page:
        find(anna, "555.887.2300", "Walter Quarrel")
        expect(page.get_by_role("heading", name="Walter Quarrel").first).to_be_visible()
    with day.step("3", "phone number changed", 2, anna) as page:
        anna.key("e", leads=True)
        page.get_by_label("Phone").fill("(555) 887-2301")
        anna.press("Save the contact")
        told(page, "The contact was changed.")
    with day.step(
        "2, 4, 5, 8", "new customer, VIN typed badly, two services, tomorrow 9:00", 5, anna
    ) as page:
        side_bar(anna, "Intake")
        page.keyboard.type("(555) 887-2211")
        expect(page.locator("#found")).to_contain_text("No customer with (555) 887-2211.")
        fill(page, first_name="Lynda", last_name="Parrish", phone="(555) 887-2211", email=LYNDA)
        fill(
            page,
            vin="1hgcm-82633 a004352",
            year="2003",
            make="Honda",
            model="Accord",
            license_plate="lp 4410",
        )
        expect(page.locator("#vin-reads")).to_contain_text("Reads as 1HGCM82633A004352.")
        # An O for a 0 is refused while it is typed, and a digit that was swapped is taken with a note.
        for vin, note in (
            ("1hgcm82633ao04352", "Character 12 is the letter O"),
            ("WVWZZZ1KZAW000001", "does not fit"),
        ):
            fill(page, vin=vin)
            expect(page.locator("#vin-reads")).to_contain_text(note)
        fill(page, vin="1hgcm-82633 a004352")
        fill(page, description="Squeals when braking")
        for service in ("Brake service", "Oil change"):
            with page.expect_response(re.compile("part=starts")):
                anna.tap(page.locator(".pick label", has_text=service))
        anna.tap(page.locator("#starts .days > .pick").nth(1).locator("label", has_text="09:00"))
        anna.press("Save and book 09:00")
        told(page, re.compile("Lynda Parrish is booked: .* 09:00"))
    with day.step("7", "likely duplicate shown and kept as new", 4, anna) as page:
        side_bar(anna, "Intake")
        fill(page, first_name="Linda", last_name="Parrish", phone="555 887 2211")
        anna.tap(page.get_by_text("No visit now, keep the customer only"))
        anna.press("Save")
        expect(page.locator("#likely")).to_contain_text("This may be Lynda Parrish. Same phone")
        anna.press("Keep as new")
        told(page, "Linda Parrish is entered.")
    with day.step("9", "rescheduled to today, the customer is told", 5, anna) as page:
        find(anna, "lp4410", "Lynda Parrish")
        anna.follow(page.locator("#open-work").locator("xpath=../..").get_by_role("link").first)
        anna.tap(page.locator(".days > .pick").first.locator("label"))
        expect(page.get_by_text(f"{LYNDA} is told.", exact=True)).to_be_visible()
        anna.press("Move")
        told(page, "The visit was moved.")
    with day.step("12", "technician assigned", 3, anna) as page:
        anna.choose("[name=technician]", "Theo Lindt")
        anna.press("Assign")
        told(page, "Theo Lindt has the visit.")
    with day.step("10, 13", "walk-in now, checked in at once", 4, anna) as page:
        side_bar(anna, "Today")
        anna.key("w", leads=True)
        page.keyboard.type("quarrel")
        anna.follow(page.locator("#found a", has_text="Walter Quarrel"))
        expect(page.get_by_role("radio", name=re.compile("is free now"))).to_be_checked()
        fill(page, odometer="61350", description="A lamp on the dashboard stays on")
        anna.press("Save and check in now")
        told(page, re.compile("Jetta.* is checked in as order "))
    with day.step("2, 6, 8", "car of 1967 without a VIN, today", 4, anna) as page:
        side_bar(anna, "Intake")
        fill(page, first_name="Iris", last_name="Quade", phone="(555) 887-2388")
        fill(page, year="1967", make="Ford", model="Mustang")
        with page.expect_response(re.compile("part=starts")):
            anna.tap(page.locator(".pick label", has_text="Diagnostic"))
        anna.tap(page.locator("#starts .days > .pick").first.locator("> label").last)
        anna.press(re.compile(r"^Save and book \d\d:\d\d$"))
        told(
            page, re.compile("Iris Quade is booked: .* No email on file: the customer gets no confirmation.")
        )
    with day.step("12", "technician booked twice: said, and overridden", 9, anna) as page:
        find(anna, "WQ7788", "Jetta")
        anna.follow(page.locator("#open-work").locator("xpath=../..").get_by_role("link").first)
        anna.follow(page.locator(".facts").get_by_role("link", name=re.compile("^Bay ")))
        anna.choose("[name=technician]", "Theo Lindt")
        anna.press("Assign")
        expect(page.get_by_role("alert")).to_contain_text("Theo Lindt")
        anna.tap(page.get_by_text("They may have another visit then"))
        anna.press("Assign")
        told(page, "Theo Lindt has the visit.")


def check_in_and_inspection(day: Day) -> None:
    anna, theo = day.anna, day.theo
    with day.step("13", "checked in: odometer, words, promised time", 3, anna) as page:
        side_bar(anna, "Today")
        anna.follow(page.locator(".board").get_by_role("link", name=re.compile("Parrish · Accord")))
        date = page.locator("[name=promised_at]").evaluate(
            "() => document.querySelector('.head a[href*=\"day=\"]').href.match(/day=([\\d-]+)/)[1]"
        )
        fill(page, odometer="842150", promised_at=f"{date}T17:00")
        anna.press("Check in")
        told(page, re.compile("Accord.* is checked in as order "))
        day.order = urlsplit(page.url).path
        day.number = page.title().split()[1]
        expect(job(page, "Front brakes")).to_be_visible()
    with day.step("14", "mistyped odometer corrected, with a reason", 4, anna) as page:
        anna.follow(page.locator(".facts").get_by_role("link", name=re.compile("Accord")))
        anna.follow(re.compile("^Correct odometer of .*Accord"))
        fill(page, miles="84215", reason="A digit too many at the check-in.")
        anna.press("Correct the odometer")
        told(page, "The odometer was corrected.")
        expect(page.locator(".vehicle").first).to_contain_text("84,215")
        anna.follow(f"Order {day.number}")
        expect(page.locator(".facts")).to_contain_text("84,215 mi")
    with day.step("15", "checks by phone: four items, a note, a photo", 7, theo) as page:
        theo.page.reload()
        day.look(theo, "to-check")
        row = page.locator("form.line", has_text="Accord")
        with page.expect_navigation(wait_until="load"):
            theo.tap(row.get_by_role("button", name=re.compile("^Check")))
        findings = page.locator("[data-finding]")
        rate(theo, findings.nth(0), "Soon")
        findings.nth(0).get_by_label("Note").fill("Dark, and a quart low")
        findings.nth(0).get_by_label("Note").press("Tab")
        expect(findings.nth(0).locator(".saved")).to_contain_text("Saved ")
        take_photo(theo, findings.nth(0))
        for number in (1, 2, 3):
            rate(theo, findings.nth(number), "Good")
        day.look(theo, "checked")
        theo.press("Finish the checks")
        told(page, "Arrival check is finished. The desk can quote from it, and the customer can see it.")


def rate(who: Watched, finding: Locator, word: str) -> None:
    """Rate an item with one tap, and wait until it is saved."""
    with who.page.expect_response(lambda response: response.request.method == "POST"):
        who.tap(finding.get_by_role("button", name=word))
    expect(finding.get_by_role("button", name=word)).to_have_attribute("aria-pressed", "true")


def take_photo(who: Watched, finding: Locator) -> None:
    who.presses += 1  # on Photo, which opens the camera
    with who.page.expect_response(lambda response: response.request.method == "POST"):
        finding.locator("input[type=file]").set_input_files(
            {"name": "found.png", "mimeType": "image/png", "buffer": PHOTO}
        )
    expect(finding.locator("img")).to_have_count(1)


# --- The estimate ---------------------------------------------------------------------------------------------


def estimate(day: Day) -> None:
    anna = day.anna
    with day.step(
        "17, 18", "canned job, 1.5 h, 4.5 quarts, unlisted part, sublet; tax and fee by location", 8, anna
    ) as page:
        add_job(anna, "state INSPECTION")
        add_job(anna, "Rough idle")
        card = job(page, "Rough idle")
        add_line(anna, card, "Labor", "Find the vacuum leak", "1.5")
        add_line(anna, card, "Part", "Oil from the barrel, quart", "4.5", "8.95")
        add_line(anna, card, "Part", "Bracket that no catalogue knows", "1", "12.40")
        add_line(anna, card, "Sublet", "Weld the bracket", "", "45.00")
        expect(card.locator(".lines tbody tr")).to_have_count(4)
        expect(card).to_contain_text("40.28")
        expect(page.locator(".totals")).to_contain_text("Shop supplies")
        expect(page.locator(".totals")).to_contain_text("8.25")
    with day.step("19", "discount of 5 %", 1, anna) as page:
        page.fill("[name=o-discount_percent]", "5")
        anna.key("Control+s", leads=True)
        expect(page.locator(".totals")).to_contain_text("Discount")
    with day.step("20", "estimate sent", 2, anna) as page:
        anna.press(re.compile(r"^Send the estimate, \$"))
        anna.press(re.compile(r"^Send revision 1, \$"))
        told(page, re.compile(rf"Revision 1, .* is sent to {re.escape(LYNDA)}"))


def answer_by_link(day: Day, phone: Watched) -> None:
    with day.step("21", "customer approves three jobs and declines one, by link", 6, phone) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Your estimate, Lynda Parrish")
        for name in ("Front brakes", "Oil change", "Rough idle"):
            phone.tap(answer_to(page, name, "Approve"))
        phone.tap(answer_to(page, "State inspection", "Not now"))
        page.get_by_label("Your full name").fill("Lynda Parrish")
        phone.tap(page.get_by_label("I authorize Riverside Garage LLC"))
        phone.press(re.compile(r"^Approve \$"))
        expect(page.get_by_role("heading", name=re.compile(r"^You approved \$"))).to_be_visible()


def answer_to(page: Page, name: str, word: str) -> Locator:
    return page.get_by_role("radiogroup", name=re.compile(name)).locator("label", has_text=word)


# --- The work -------------------------------------------------------------------------------------------------


def work(day: Day) -> None:
    anna, theo = day.anna, day.theo
    with day.step("29", "deposit by card", 2, anna) as page:
        page.reload()
        assert "Approved" in title(page)
        anna.press("Take a deposit")
        fill(page, amount="100.00")
        anna.press("Take the payment")
        told(page, re.compile(r"\$100.00 deposit from Lynda Parrish, order \d+\."))
        expect(page.locator(".papers")).to_contain_text("$100.00, card terminal")
    with day.step("16", "clock started", 1, theo) as page:
        page.reload()
        theo.press("Start Front brakes")
        expect(page.locator("[data-clock]")).to_have_text("0:00")
    with day.step("15, 24", "more found while apart: checks with a red item", 5, theo) as page:
        theo.press("Start")
        findings = page.locator("[data-finding]")
        rate(theo, findings.nth(0), "Now")
        findings.nth(0).get_by_label("Note").fill("Cracked, front left")
        findings.nth(0).get_by_label("Note").press("Tab")
        expect(findings.nth(0).locator(".saved")).to_contain_text("Saved ")
        take_photo(theo, findings.nth(0))
        rate(theo, findings.nth(1), "Good")
        theo.press("Finish the checks")
    with day.step("24", "what was found put on the order and sent", 5, anna) as page:
        page.reload()
        anna.press(re.compile("^Add Brake hoses"))
        card = job(page, "Brake hoses")
        add_line(anna, card, "Part", "HOSE-F-77", "2")
        add_line(anna, card, "Labor", "Replace the hose", "0.8")
        assert title(page) == "Job 5 waits to be sent."
        anna.press(re.compile(r"^Send revision 2, \+\$"))
        anna.press(re.compile(r"^Send revision 2, \+\$"))
    with day.step("23", "changed since it was sent: seen on the order, sent again", 3, anna) as page:
        job(page, "Brake hoses").locator("input[name$=-hours]").fill("0.7")
        anna.key("Control+s", leads=True)
        assert "no longer matches this order" in title(page)
        expect(page.locator(".state")).to_contain_text("0.8 h → 0.7 h")
        anna.press(re.compile(r"^Send revision 3, \+\$"))
        anna.press(re.compile(r"^Send revision 3, \+\$"))
    with day.step("22", "approval by phone, with name and number", 2, anna) as page:
        anna.press("Record a call")
        day.look(anna, "call")
        expect(page.get_by_label("Who answered")).to_have_value("Lynda Parrish")
        expect(page.get_by_label("Number or address")).to_have_value("(555) 887-2211")
        anna.press(re.compile(r"^Approve job 5, \+\$"))
        told(page, re.compile(r"Lynda Parrish approved \$"))
    with day.step("26", "needed part received", 2, anna) as page:
        expect(page.locator(".side")).to_contain_text("1 × Brake hose, front")
        anna.press("Receive Brake hose, front")
        anna.press("Receive", within="#step")
        told(page, "1 of Brake hose, front received.")
    with day.step("16, 27", "two jobs done, with words", 4, theo) as page:
        page.get_by_label("What was done").fill("Pads and rotors replaced")
        theo.press("Job done")
        told(page, "Front brakes is done.")
        theo.tap(page.locator("summary").filter(has_text="Start Brake hoses"))
        theo.press("Take and start")
        page.get_by_label("What was done").fill("Hose replaced, brakes bled")
        theo.press("Job done")
        expect(page.locator("[data-clock]")).to_have_count(0)
    with day.step("27", "order completed with its other jobs", 2, anna) as page:
        page.reload()
        anna.press(re.compile(r"^Complete the order, \$"))
        anna.press("Complete the order", within="#step")
        assert title(page).startswith("Completed ")
    with day.step("27", "the wrong order reopened, by the manager", 4, day.max) as page:
        find_order(day.max, day)
        day.max.press("Reopen the order…")
        fill(page, reason="The test drive is missing.")
        day.max.press("Reopen the order", within="#step")
        told(page, "The order is open again.")
    with day.step("27", "completed again", 2, anna) as page:
        page.reload()
        anna.press(re.compile(r"^Complete the order, \$"))
        anna.press("Complete the order", within="#step")


# --- Money and keys -------------------------------------------------------------------------------------------


def money_and_keys(day: Day) -> None:
    anna = day.anna
    with day.step("28", "invoice issued and mailed", 3, anna) as page:
        before = len(day.inbox.to(LYNDA))
        anna.press("Issue the invoice")
        anna.press(re.compile(r"^Issue the invoice, \$"))
        assert title(page).startswith("Invoice ")
        anna.press("Mail the invoice")
        told(page, re.compile(f"is mailed to {re.escape(LYNDA)}"))
        assert day.inbox.wait_for(before + 1, LYNDA)
        paper = (
            page.locator(".papers").get_by_role("link", name=re.compile("^Invoice ")).get_attribute("href")
        )
    assert page.request.get(f"{anna.url}{paper}").body().startswith(b"%PDF-")
    with day.step("29", "a part paid in cash", 4, anna) as page:
        anna.press(re.compile(r"^Take a payment, \$"))
        fill(page, amount="50.00")
        anna.choose("[name=method]", "Cash")
        anna.press("Take the payment")
        told(page, re.compile(r"\$50.00 of Lynda Parrish was taken"))
    with day.step("29", "the rest by card, with a receipt", 2, anna) as page:
        anna.press(re.compile(r"^Take a payment, \$"))
        anna.press("Take the payment")
        assert title(page).endswith("Paid.")
        receipts = page.locator(".papers").get_by_role("link", name=re.compile("^Receipt "))
        expect(receipts).to_have_count(3)
        receipt = receipts.last.get_attribute("href")
    assert page.request.get(f"{anna.url}{receipt}").body().startswith(b"%PDF-")
    with day.step("31", "vehicle out: odometer and keys", 2, anna) as page:
        anna.press("Vehicle out")
        fill(page, odometer="84217")
        anna.press("Hand over the keys")
        told(page, "The vehicle is out.")
    with day.step("39", "who changed what, in the shop's time", 0, anna) as page:
        expect(page.locator(".hist").first).to_contain_text("Vehicle out by Anna Advisor")
    with day.step("30", "credit note of a part, and its refund", 7, day.max) as page:
        find_order(day.max, day)
        day.max.press("Credit or refund…")
        day.look(day.max, "credit")
        day.max.tap(page.get_by_label("An amount", exact=True))
        fill(page, amount="25.00", reason="The bracket rattles.")
        day.max.press("Show the total")
        day.max.press("Issue the credit note, $25.00")
        told(page, re.compile(r"Credit note .* over \$25.00 is issued"))
        day.look(day.max, "refund")
        expect(page.get_by_label("Amount")).to_have_value("25.00")
        fill(page, reason="Credit note.")
        day.max.press("Give it back")
        told(page, "$25.00 was given back to Lynda Parrish.")
        expect(page.locator(".papers")).to_contain_text("Credit note ")


def stopped_work(day: Day) -> None:
    """The walk-in: approved by phone, a deposit, started, and stopped."""
    anna = day.anna
    with day.step("17, 20", "walk-in estimated; that nothing is mailed is said", 6, anna) as page:
        find(anna, "WQ7788", "Jetta")
        anna.follow(page.locator("#open-work").locator("xpath=../..").get_by_role("link").first)
        add_line(anna, page.locator("section.job").first, "Labor", "Read the fault memory", "1")
        anna.press(re.compile(r"^Send the estimate, \$"))
        expect(page.locator("#step")).to_contain_text(
            "Nothing is mailed: Walter Quarrel has no email address."
        )
        anna.press(re.compile(r"^Store revision 1, \$"))
    with day.step("22", "its approval by phone", 2, anna) as page:
        anna.press("Record a call")
        anna.press(re.compile(r"^Approve \$"))
    with day.step("29", "deposit in cash", 4, anna) as page:
        anna.press("Take a deposit")
        fill(page, amount="40.00")
        anna.choose("[name=method]", "Cash")
        anna.press("Take the payment")
        told(page, re.compile(r"\$40.00 deposit from Walter Quarrel, order \d+\."))
    with day.step("25", "work stopped, and the deposit given back", 4, anna) as page:
        anna.press("Start the work")
        anna.press("Stop the work…")
        fill(page, reason="The customer sells the car.")
        anna.press("Stop the work", within="#step")
        told(page, "The work is stopped. Give the deposit back.")
        fill(page, reason="The work was stopped.")
        anna.press("Give it back")
        told(page, "$40.00 was given back to Walter Quarrel.")
    with day.step("31", "vehicle out after a stop", 2, anna) as page:
        anna.press("Vehicle out")
        fill(page, odometer="61350")
        anna.press("Hand over the keys")
        told(page, "The vehicle is out.")


# --- The afternoon --------------------------------------------------------------------------------------------


def desk_in_the_afternoon(day: Day) -> None:
    anna = day.anna
    with day.step("34", "unanswered chat from the first page: answer and internal note", 4, anna) as page:
        side_bar(anna, "Today")
        expect(page.locator(".board .v.done[id]")).to_have_count(2)  # both have left
        anna.follow(page.locator("#chats .list a", has_text="When can I fetch it?"))
        page.get_by_role("textbox", name="Message").fill("It is ready at five.")
        anna.press(re.compile("^Send to "))
        told(page, "The message is sent.")
        page.get_by_role("textbox", name="Message").fill("She asked twice. Call her.")
        anna.press("Keep as internal note")
        told(page, "The note is kept.")
        expect(page.locator(".message.note")).to_contain_text("She asked twice.")
    with day.step("35", "parts order paid, packed, shipped and delivered", 5, anna) as page:
        side_bar(anna, "Parts by mail")
        number = day.parts_order
        anna.press(re.compile(rf"^Paid \$.*{number}"))
        anna.press(re.compile(rf"^Packed.*{number}"))
        page.get_by_label(f"Courier of {number}").fill("UPS")
        page.get_by_label(f"Tracking number of {number}").fill("1Z999")
        anna.press(re.compile(rf"^Shipped.*{number}"))
        anna.press(re.compile(rf"^Delivered.*{number}"))
        told(page, f"{number} is delivered.")
    asked = {"order_id": day.parts_order, "items": ["Floor mats"], "reason": "They do not fit."}
    returned = Person(anna.url, ALICE).call("POST", "/api/v1/customer/orders/return", asked)["id"]
    with day.step("35", "return approved and received", 3, anna) as page:
        side_bar(anna, "Parts by mail")
        anna.press(re.compile(rf"^Approve.*{returned}"))
        anna.press(re.compile(rf"^Received.*{returned}"))
        told(page, f"{returned} has arrived.")
    with day.step("35", "return refunded by the manager, back on the shelf", 3, day.max) as page:
        side_bar(day.max, "Parts by mail")
        row = page.locator("li", has_text=returned)
        day.max.tap(row.get_by_label("Back on the shelf"))
        day.max.press(re.compile(rf"^Refund.*{returned}"))
        told(page, f"{returned} is refunded.")
    with day.step("40", "vehicle moved to a new owner", 5, anna) as page:
        find(anna, "VQ 1212", "Outback")
        anna.follow(re.compile("^New owner of .*Outback"))
        page.keyboard.type("walter quarrel")
        anna.key("Enter", leads=True)
        anna.press(re.compile("^Move to this customer ?: Walter Quarrel"))
        told(page, re.compile("Outback.* belongs to Walter Quarrel now"))
    with day.step("40", "vehicle archived and restored", 2, anna) as page:
        anna.press(re.compile("^Archive .*Outback"))
        told(page, "The vehicle is archived.")
        anna.press(re.compile("^Restore .*Outback"))
        told(page, "The vehicle is in use again.")
    with day.step("40", "two records of one customer merged, by the manager", 5, day.max) as page:
        find(day.max, "linda parrish", "Linda Parrish")
        day.max.follow(page.get_by_role("link", name="Merge them"))
        day.max.follow(re.compile("^Compare with Lynda Parrish"))
        day.max.press(re.compile("^Merge .* into Lynda Parrish"))
        told(page, "Linda Parrish was merged into this customer.")
    with day.step("32", "declined work comes back at the next visit", 3, anna) as page:
        find(anna, "lp4410", "Lynda Parrish")
        anna.follow(re.compile("^New visit for .*Accord"))
        expect(page.locator(".advice")).to_contain_text("State inspection")


def evening(day: Day, root: Watched) -> None:
    boss = day.max
    with day.step("32", "whom to call about declined work; asked again in a month", 2, day.anna) as page:
        side_bar(day.anna, "Follow-ups")
        call = page.locator(".rows > li", has_text="State inspection")
        day.anna.follow(call.get_by_role("button", name="Ask again then"))
        told(page, re.compile("“State inspection” comes back on "))
    with day.step("37", "prices of all brake parts raised by 5 %, after a look", 3, boss) as page:
        side_bar(boss, "Prices")
        page.get_by_label("Name, number or brand").fill("brake")
        fill(page, percent="5")
        boss.press("Show")
        expect(page.get_by_text(re.compile(r"^was \$")).first).to_be_visible()
        boss.press(re.compile(r"^Save \d+ changes?$"))
        told(page, re.compile(r"\d+ prices? changed"))
    with day.step("38", "somebody leaves, out at once", 3, root) as page:
        side_bar(root, "Team")
        leaver = page.locator(".rows > li", has_text=THEO[0])
        root.tap(leaver.locator("summary"))
        root.follow(leaver.get_by_role("button"))
        told(page, "is out. Every session has ended.")
    with day.step("36", "day counted and closed", 4, boss) as page:
        side_bar(boss, "Money")
        with page.expect_navigation(wait_until="load"):
            boss.choose("#location", "Riverside Garage")
        expected = page.locator("#closing b").inner_text().removeprefix("$")
        assert expected == "50.00"  # 50 for the invoice; the deposit of 40 came and went
        fill(page, cash_counted=expected)
        boss.press(re.compile("^Close "))
        told(page, re.compile("is closed. The cash is right."))
        sheet, paper = (
            page.get_by_role("link", name=name).get_attribute("href") for name in ("CSV", "Print day sheet")
        )
    origin = boss.url
    assert page.request.get(f"{origin}{sheet}").headers["content-type"].startswith("text/csv")
    assert page.request.get(f"{origin}{paper}").body().startswith(b"%PDF-")


def test_a_whole_day(shop, browser):
    url, inbox, parts_order = shop
    day = Day(
        Watched(browser, url, ANNA), Watched(browser, url, THEO, width=390), Watched(browser, url, MAX),
        inbox, parts_order,
    )  # fmt: skip
    people = [day.anna, day.theo, day.max]
    try:
        calls_of_the_morning(day)
        check_in_and_inspection(day)
        estimate(day)
        assert inbox.wait_for(3, LYNDA)  # of the booking, the move and the estimate
        link = urlsplit(link_of(inbox.to(LYNDA)[-1])).path
        phone = Watched(browser, url, path=link, width=390)
        people.append(phone)
        answer_by_link(day, phone)
        work(day)
        money_and_keys(day)
        stopped_work(day)
        desk_in_the_afternoon(day)
        root = Watched(browser, url, (ADMIN["email"], ADMIN["password"]))
        people.append(root)
        evening(day, root)
    finally:
        if folder := os.environ.get("SHOTS"):
            (Path(folder) / "day.md").write_text(day.table())
            for number, who in enumerate(people):
                who.shoot(f"last-{number}")
    assert day.found == [], day.found
    for who in people:
        strange = [path for path in who.paths if not PAGES.fullmatch(path)]
        assert (who.complaints, who.outside, strange) == ([], [], [])
