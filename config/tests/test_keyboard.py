"""The desk by keyboard alone: a call is booked, and an order is estimated, sent, answered and started."""

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
STAFF = f"""
from django.utils import timezone
from accounts.models import User
from appointments.models import Location
from customers.models import Customer
from repair_orders.actions import request_repair

vehicle = Customer.objects.get(contact__email="alice.cooper@customer.com").vehicles.order_by("id").first()
order = request_repair(customer=vehicle.customer, vehicle=vehicle, location=Location.objects.get(is_default=True),
                       description="A noise at the front.", now=timezone.now())
print(order.number or order.pk)
User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
"""
MOST_TABS = 120
# The accessible text of what has the focus, and whether the focus is drawn.
FOCUS = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  const label = at.labels?.length ? at.labels[0].innerText : "";
  const name = at.getAttribute("aria-label") || label || at.innerText || at.placeholder || at.name || "";
  const marked = (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none";
  const holder = at.closest("label, .pick");
  const held = holder ? getComputedStyle(holder) : style;
  const around = at.nextElementSibling ? getComputedStyle(at.nextElementSibling) : style;
  const drawn = [style, held, around].some(s => s.outlineStyle !== "none" && s.outlineWidth !== "0px"
                                                || s.boxShadow !== "none");
  return [name.trim().replace(/\\s+/g, " "), marked || drawn, at.tagName];
}"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with demo_shop(tmp_path_factory.mktemp("keys"), STAFF) as (server, printed):
        yield server.url, printed.split()[-1]


def reach(page: Page, name: str) -> None:
    """Move the focus on by Tab until it is at something whose name begins with the text, and is drawn there."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        text, is_drawn, tag = page.evaluate(FOCUS)
        seen.append(text)
        if re.match(name, text):
            assert is_drawn, f"the focus on {tag} {text!r} cannot be seen"
            return
    raise AssertionError(f"Tab does not reach {name!r}, only {seen}")


def enter(page: Page) -> None:
    """Press Enter on a link or button, and wait for the page that follows."""
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")


def write(page: Page, **values: str) -> None:
    """Reach the fields by their labels in order, and type."""
    for label, text in values.items():
        reach(page, label.replace("_", " "))
        page.keyboard.type(text)


def test_a_call_is_booked_by_keyboard(shop, browser):
    desk = Watched(browser, shop[0], ANNA)
    page = desk.page
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("n")
    page.locator("#find").focus()
    page.keyboard.type("(555) 887-2240")
    expect(page.locator("#found")).to_contain_text("No customer with (555) 887-2240.")
    write(page, First_name="Kay", Last_name="Board", Phone="(555) 887-2240")
    write(page, Year="2003", Make="Honda", Model="Accord")
    write(page, What_the_customer_says="Squeals when braking")
    reach(page, "Brake")
    page.keyboard.press("Space")
    page.locator("#starts .days > .pick").nth(1).wait_for()
    reach(page, r"is free now|\d\d:\d\d")
    page.keyboard.press("ArrowRight")  # the starts are one group of radio buttons
    assert re.match(r"\d\d:\d\d", page.evaluate(FOCUS)[0])
    reach(page, r"Save and book \d\d:\d\d$")
    enter(page)
    expect(page.get_by_text("Kay Board is booked: ")).to_be_visible()
    assert desk.complaints + desk.outside == []


def test_an_order_is_worked_by_keyboard(shop, browser):
    url, number = shop
    desk = Watched(browser, url, ANNA)
    page = desk.page
    page.keyboard.press("/")
    page.keyboard.type("alice cooper")
    page.locator("#desk-find-list [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    enter(page)
    expect(page.get_by_role("heading", name="Alice Cooper", level=2)).to_be_visible()
    reach(page, f"Order {number}$")
    enter(page)
    page.keyboard.press("j")
    page.keyboard.type("Noise at the front")
    enter(page)
    expect(page.get_by_text("Noise at the front").first).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.type("Look for it")
    write(page, Quantity="1", Price="50")
    reach(page, "Add the line")
    enter(page)
    expect(page.get_by_text("Look for it was added to job 1.")).to_be_visible()
    reach(page, "Send the estimate")
    enter(page)
    reach(page, r"(Send|Store) revision 1, \$")
    enter(page)
    reach(page, "Record a call")
    enter(page)
    assert desk.complaints + desk.outside == []
