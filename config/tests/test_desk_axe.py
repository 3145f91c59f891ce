"""The working pages of the desk that no other test of a browser looks at: axe-core, widths, weight and the keyboard.

And what is typed into them survives a lost connection and the end of a session.

Each page is looked at in both widths and both schemes. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_desk_axe.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from playwright.sync_api import Request, expect

from config.tests.test_desk_day import ANNA
from testing.browser import Watched
from testing.servers import Server, database, free_port, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ADA, MAX = ("ada@example.com", "admin-of-the-shop-12345"), ("max@example.com", "manager12345")
LIGHT = 300_000  # bytes of a page
ADMIN = f"""
import django; django.setup()
from accounts.models import User
User.objects.create_superuser("{ADA[0]}", "{ADA[1]}", first_name="Ada", last_name="Admin")
"""
# Names in other scripts, and as long as they can be, are on every page of the customer.
ROWS = f"""
import django; django.setup()
import json
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from appointments.actions import book_appointment
from appointments.models import Location, ServiceType
from appointments.queries import find_free_slots
from billing.models import Invoice, Payment
from chat.models import Conversation
from customers.models import Customer

User.objects.create_user("{ANNA[0]}", "{ANNA[1]}", first_name="Anna", last_name="Advisor", role="advisor")
User.objects.create_user("{MAX[0]}", "{MAX[1]}", first_name="Max", last_name="Manager", role="manager")
shop, now = Location.objects.get(is_default=True), timezone.now()
alice = Customer.objects.get(contact__email="alice.cooper@customer.com")
vehicle = alice.vehicles.order_by("id").first()
User.objects.filter(pk=alice.contact_id).update(first_name="عبد الرحمن " + "Wolfe" * 17, last_name="佐藤" * 50)
day, brakes = timezone.localdate(), ServiceType.objects.order_by("minutes", "id").first()
slots = find_free_slots(location=shop, first=day + timedelta(days=1), last=day + timedelta(days=9), now=now,
                        length=timedelta(minutes=brakes.minutes))
visit = book_appointment(customer=alice, vehicle=vehicle, location=shop, start=next(slots).start, services=[brakes],
                         now=now, by_staff=True, description="Squeaks when cold. " * 15)
unpaid = Invoice.objects.filter(balance__gt=0).order_by("id").first()
print(json.dumps({{
    "customer": alice.pk, "vehicle": vehicle.pk, "visit": visit.pk, "invoice": unpaid.pk,
    "payment": Payment.objects.order_by("id").first().pk,
    "conversation": Conversation.objects.order_by("id").first().pk,
}}))
"""
CUSTOMER = "/admin/customers-page/{customer}/"
REPORTS = ("tax", "hours", "declined", "comebacks", "open-orders", "journal")
OF_A_MANAGER = {
    "money": "/admin/money/",
    "money-find": "/admin/money/payment/?q=cooper",
    "money-pay": "/admin/money/payment/?invoice={invoice}",
    "money-refund": "/admin/money/refund/{payment}/",
    **{f"report-{name}": f"/admin/money/reports/{name}/" for name in REPORTS},
    "customer": CUSTOMER,
    "customer-merge": f"{CUSTOMER}merge/?q=an",
    "vehicle-transfer": f"{CUSTOMER}vehicles/{{vehicle}}/transfer/?q=an",
    "vehicle-correct": f"{CUSTOMER}vehicles/{{vehicle}}/correct/",
    "vehicle-passport": f"{CUSTOMER}vehicles/{{vehicle}}/passport/",
    "parts-desk": "/admin/parts-desk/",
    "follow-ups": "/admin/follow-ups/",
    "repair-orders": "/admin/repair-orders/?view=all",
    "needed-parts": "/admin/needed-parts/?view=on-order",
    "follow-ups-service": "/admin/follow-ups/?kind=service",
    "prices": "/admin/prices/?percent=5&step=0.05",
    "tables": "/admin/tables/",
}
OF_AN_ADVISOR = {
    "search": "/admin/search/?q=佐藤",
    "search-nothing": "/admin/search/?q=nobody at all",
    "visit": "/admin/visits/{visit}/",
    "customer-edit": f"{CUSTOMER}?edit=1",
    "intake": "/admin/intake/?customer={customer}",
    "vehicle-read": f"{CUSTOMER}vehicles/{{vehicle}}/read/",
    "conversations": "/admin/conversations/?view=open",
    "conversation": "/admin/conversations/{conversation}/",
    "conversation-new": "/admin/conversations/new/?customer={customer}",
    "tables": "/admin/tables/",
}
OF_AN_EMPTY_SHOP = {
    "setup": "/admin/setup/",
    "today": "/admin/today/",
    "intake": "/admin/intake/",
    "money": "/admin/money/",
    "money-find": "/admin/money/payment/",
    "my-jobs": "/admin/my-jobs/",
    "conversations": "/admin/conversations/",
    "parts-desk": "/admin/parts-desk/",
    "search": "/admin/search/",
    "follow-ups": "/admin/follow-ups/",
    "repair-orders": "/admin/repair-orders/?view=all",
    "needed-parts": "/admin/needed-parts/?view=on-order",
    "prices": "/admin/prices/",
    "team": "/admin/team/",
}


@contextmanager
def shop(folder, script: str, *, has_demo: bool) -> Iterator[Server]:
    """Serve a shop, and run a script that prints the ids of rows as JSON."""
    port = free_port()
    with database(folder, has_demo=has_demo) as env:
        env = {**env, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = ["manage.py", "serve", "--port", str(port)]
        with serving(command, folder=folder, port=port, env=env) as server:
            made = subprocess.run(
                [sys.executable, "-c", script],
                cwd=settings.BASE_DIR,
                env={**os.environ, **env},
                check=True,
                capture_output=True,
                text=True,
            )
            server.env["ROWS"] = made.stdout.strip().rpartition("\n")[2] or "{}"
            yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("axe"), ROWS, has_demo=True) as server:
        yield server


@pytest.fixture
def empty(tmp_path):
    with shop(tmp_path, ADMIN, has_demo=False) as server:
        yield server


def weight_of(desk: Watched, url: str) -> int:
    """Open a page, and return the bytes of all its answers as the server encodes them, without photos.

    The browser has the admin's own styles, scripts and fonts, which every page shares, from the page before.
    """
    answered: list[Request] = []

    def note(request: Request) -> None:
        answered.append(request)

    desk.page.on("requestfinished", note)
    desk.page.goto(url, wait_until="networkidle")
    desk.page.remove_listener("requestfinished", note)
    return sum(
        request.sizes()["responseBodySize"] for request in answered if request.resource_type != "image"
    )


def look_at(desk: Watched, server: Server, pages: dict[str, str]) -> list[object]:
    """Return what is wrong with the pages."""
    rows, found = json.loads(server.env["ROWS"]), []
    for name, path in pages.items():
        weight = weight_of(desk, server.url + path.format(**rows))
        assert desk.page.locator(".desk, #content").count(), name
        found += [(name, "bytes", weight)] if weight > LIGHT else []
        found += desk.look(name)
        found += [(name, missed) for missed in desk.tab_through()]
    return found + desk.complaints + desk.outside


def test_pages_of_an_empty_shop(empty, browser):
    desk = Watched(browser, empty.url, ADA)
    assert desk.page.url == f"{empty.url}/admin/setup/"
    assert look_at(desk, empty, OF_AN_EMPTY_SHOP) == []


def test_pages_of_a_manager(server, browser):
    assert look_at(Watched(browser, server.url, MAX), server, OF_A_MANAGER) == []


def test_pages_of_an_advisor(server, browser):
    assert look_at(Watched(browser, server.url, ANNA), server, OF_AN_ADVISOR) == []


def test_typed_text_survives_the_connection_and_the_session(server, browser):
    desk = Watched(browser, server.url, ANNA)
    page, context = desk.page, desk.page.context
    url = server.url + OF_AN_ADVISOR["conversation-new"].format(**json.loads(server.env["ROWS"]))
    told, text = page.locator(".unsent"), page.get_by_label("First message")
    send = page.get_by_role("button", name="Send the message")

    page.goto(url)
    page.get_by_label("Subject").fill("Your brakes")
    text.fill("They are at 2 mm.")
    context.set_offline(True)
    send.click()
    expect(told).to_contain_text("The server does not answer. Nothing was sent")
    expect(told).to_be_focused()
    expect(send).to_have_text("Send the message")
    context.set_offline(False)

    context.clear_cookies(name="sessionid")
    send.click()
    expect(told).to_contain_text("You are signed out. Nothing was sent")
    with context.expect_page() as opened:
        told.get_by_role("link").click()
    other = opened.value
    other.fill("input[name=username]", ANNA[0])
    other.fill("input[name=password]", ANNA[1])
    with other.expect_navigation(wait_until="load"):
        other.click("button[type=submit]")
    expect(text).to_have_value("They are at 2 mm.")
    with page.expect_navigation(wait_until="load"):
        send.click()  # with the token of the new session
    expect(page.locator(".messages")).to_contain_text("They are at 2 mm.")

    # The connection breaks after the page asked, so that the browser shows its own error.
    page.goto(url)
    page.get_by_label("Subject").fill("Your tires")
    text.fill("They are worn.")
    page.route(url, lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        send.click()
    page.unroute(url)
    page.goto(f"{server.url}/admin/today/")
    page.goto(url)
    expect(text).to_have_value("They are worn.")
    expect(told).to_contain_text("Send it again: it counts once.")
    with page.expect_navigation(wait_until="load"):
        send.click()
    expect(page.locator(".messages")).to_contain_text("They are worn.")
    page.goto(url)
    expect(text).to_have_value("")
    assert told.count() == 0
