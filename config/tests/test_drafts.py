"""What was typed at the desk comes back in a real browser, beside another form and without an answer."""

from __future__ import annotations

import json
import shutil

import pytest
from playwright.sync_api import expect

from testing.browser import Watched, demo_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ANNA = ("anna@example.com", "advisor12345")
BEN = ("ben@example.com", "advisor12345")
# Two advisors, an order with a line, and a conversation.
ROWS = f"""
import json
from decimal import Decimal
from django.utils import timezone
from accounts.models import User
from appointments.models import Location
from chat.models import Conversation
from repair_orders.actions import request_repair
from repair_orders.jobs import add_job, add_service_line
from repair_orders.models import Job
from vehicles.models import Vehicle

for (email, password), name in (({ANNA}, "Anna"), ({BEN}, "Ben")):
    User.objects.create_user(email, password, first_name=name, last_name="Advisor", role="advisor")
now = timezone.now()
vehicle = Vehicle.objects.order_by("id").first()
order = request_repair(customer=vehicle.customer, vehicle=vehicle, location=Location.objects.get(is_default=True),
                       description="It squeaks.", now=now)
job = add_job(order=order, name="Brakes")
add_service_line(job=Job.objects.select_related("repair_order").get(pk=job.pk), service=None,
                 given={{"by": None, "now": now}}, name="Labor", hours=Decimal(2))
print("rows", json.dumps({{"order": order.pk, "chat": str(Conversation.objects.filter(status="open").first().pk)}}))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with demo_shop(tmp_path_factory.mktemp("drafts"), ROWS) as (server, said):
        rows = next(line for line in said.splitlines() if line.startswith("rows "))
        yield server.url, json.loads(rows.removeprefix("rows "))


def test_text_of_another_form_is_there_after_a_step(shop, browser):
    url, rows = shop
    page = Watched(browser, url, ANNA, path=f"/admin/conversations/{rows['chat']}/").page
    answer = page.locator(".answer textarea")
    answer.fill("Your car is ready at five.")
    step = page.locator(".who-card button[name=step]").first
    with page.expect_navigation(wait_until="load"):
        step.click()
    expect(answer).to_have_value("Your car is ready at five.")
    assert page.locator(".unsent").count() == 0
    with page.expect_navigation(wait_until="load"):
        page.locator(".answer .btn.main").click()
    expect(answer).to_have_value("")
    expect(page.locator(".messages")).to_contain_text("Your car is ready at five.")


def test_a_value_that_changed_meanwhile_stays_and_what_was_typed_is_said(shop, browser):
    url, rows = shop
    path = f"/admin/orders/{rows['order']}/"
    anna, ben = (Watched(browser, url, who, path=path).page for who in (ANNA, BEN))
    notes, hours = "[name=o-notes]", ".job .lines td.q input"
    anna.fill(notes, "The keys are in the box.")
    anna.fill(hours, "3")
    anna.route(
        f"{url}{path}", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    with anna.expect_event("requestfailed", lambda request: request.method == "POST"):
        anna.keyboard.press("Control+s")
    anna.unroute(f"{url}{path}")
    ben.fill(hours, "4")
    with ben.expect_navigation(wait_until="load"):
        ben.keyboard.press("Control+s")
    anna.goto(f"{url}/admin/today/")
    anna.goto(f"{url}{path}")
    told = anna.locator(".unsent")
    expect(told).to_contain_text("The answer to this form did not arrive. What you typed is here again.")
    expect(told).to_contain_text("you typed “3”")
    expect(anna.locator(notes)).to_have_value("The keys are in the box.")
    expect(anna.locator(hours)).to_have_value("4")
    with anna.expect_navigation(wait_until="load"):
        anna.keyboard.press("Control+s")
    expect(anna.locator(hours)).to_have_value("4")
    expect(anna.locator(notes)).to_have_value("The keys are in the box.")
    assert told.count() == 0
