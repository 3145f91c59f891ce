"""The history beside an order: who did what, with figures before and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.exits import vehicle_out
from billing.models import CreditNote
from billing.payments import refund
from desk.order.bench import Bench, find_order
from desk.order.history import entries_of
from desk.order.state import at_when
from repair_orders import actions, jobs
from repair_orders.models import RepairOrder
from testing.billed import again, invoiced, pay
from testing.factories import InspectionFactory, LocationFactory, RepairOrderFactory, TimeEntryFactory
from testing.worked_example import authorised, fresh, given

pytestmark = pytest.mark.django_db
D = Decimal


def told(order, limit=3):
    return [
        entry.what + entry.rest for entry in entries_of(Bench(find_order(order.pk), timezone.now()), limit)
    ]


def test_steps_answers_and_changes():
    order, brakes, _ = authorised(policy={"amount": D("100.00")})
    work = brakes.service_lines.get(name="Labor")
    jobs.change_line(line=work, given=given(), hours=D(2))
    actions.change_order(order=order, notes="Keys in the box")
    jobs.change_job(job=fresh(brakes), cause="Pads worn")
    assert told(order) == [
        "Job 1 changed: cause",
        "Order changed: notes",
        "Labor changed: hours 1.8 → 2, amount 233.91 → 259.9",
    ]
    assert "Answered not recorded, $491.56. Approved: Brakes. Declined: Oil" in told(order, 50)
    jobs.remove_line_of_job(line=work, given=given())
    actions.start(order=order, by=None, now=timezone.now())
    assert told(order, 2) == ["In progress", "Labor removed, 259.90"]


def test_user_is_named(at_desk):
    order, brakes, _ = authorised()
    at_desk(order).press("save", **{f"j{brakes.pk}-cause": "Pads worn"})
    first = entries_of(Bench(find_order(order.pk), timezone.now()))[0]
    assert (first.what, first.by) == ("Job 1 changed", "Anna Advisor")


@pytest.mark.parametrize(("hours", "text"), [(0, "at 10:12"), (9, "at 10:12"), (14, "on 30 Nov 10:12")])
def test_a_time_of_another_day_is_said_with_its_day(hours, text):
    location = LocationFactory(time_zone="America/New_York")
    then = datetime(2026, 11, 30, 15, 12, tzinfo=UTC)
    bench = Bench(RepairOrderFactory(location=location), then + timedelta(hours=hours))
    assert at_when(bench, then) == text


def test_clock_inspection_and_money_are_told():
    invoice = invoiced()
    order = RepairOrder.objects.get(pk=invoice.repair_order_id)
    job, now = order.jobs.first(), timezone.now()
    TimeEntryFactory(job=job, started=now - timedelta(hours=2), ended=now - timedelta(minutes=30))
    InspectionFactory(repair_order=order, name="Courtesy check", finished_at=now + timedelta(seconds=1))
    payment = pay(invoice, "491.56", method="cash", now=now + timedelta(seconds=2))
    credit_amount(
        invoice=invoice, amount=D("50.00"), reason="Goodwill", by=None, now=now + timedelta(seconds=3)
    )
    refund(
        payment=again(payment), amount=D("50.00"), reason="Goodwill", by=None, now=now + timedelta(seconds=4)
    )
    vehicle_out(order=order, by=None, now=now + timedelta(seconds=5))
    [note] = CreditNote.objects.all()
    assert told(order, 6) == [
        "Vehicle out",
        "$50.00 given back, cash: Goodwill",
        f"Credit note {note.number} issued, $50.00: Goodwill",
        "Payment of $491.56, cash",
        "Inspection finished: Courtesy check",
        f"Invoice {invoice.number} issued, $491.56",
    ]
    assert "Clock stopped: Job 1, 1.50 hours" in told(order, 50)


def test_money_is_told_to_those_who_may_see_it(as_role):
    order = RepairOrder.objects.get(pk=invoiced().repair_order_id)
    assert "issued , $491.56" in as_role("advisor", order).show().text
    assert "issued , $491.56" not in as_role("technician", order).show().text


def test_earlier_entries_can_be_unfolded(at_desk):
    order, brakes, _ = authorised()
    for number in range(12):
        jobs.change_job(job=fresh(brakes), cause=f"Pads at {number} mm")
    shown = at_desk(order).show().response.content.decode().partition("<h2>History</h2>")[2]
    assert shown.partition("<details")[0].count("Job 1 changed") == 10
    assert "Earlier (" in shown
    assert shown.count("Job 1 changed") == 12
