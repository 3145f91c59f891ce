"""The history beside an order: who did what, with figures before and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from desk.order.bench import Bench, find_order
from desk.order.history import entries_of
from desk.order.state import at_when
from repair_orders import actions, jobs
from testing.factories import LocationFactory, RepairOrderFactory
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
