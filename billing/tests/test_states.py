"""What is past due goes by the day where the invoice's location is, wherever it is counted (docs/design, D94)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from appointments.queries import local_time
from billing.models import Invoice
from billing.queries import get_account
from billing.reports.base import Scope
from billing.reports.receivables import receivables
from billing.statements import MonthNotOver, make_statement
from billing.states import days_past_due, is_overdue, state_of
from testing.billed import finished, issue
from testing.factories import LocationFactory, VehicleFactory

pytestmark = pytest.mark.django_db
D = Decimal
BILLED, DUE = date(2026, 11, 2), date(2026, 11, 30)
TICK = timedelta(seconds=1)
AGES = dict.fromkeys(("current", "d30", "d60", "d90", "over"), D("0.00"))
# Midnight after the due date is 05:00 UTC in New York, and 11:00 UTC the day before in Auckland.
ZONES = ("America/New_York", "Pacific/Auckland")


def midnight_in(zone):
    return datetime.combine(DUE + timedelta(days=1), time(), ZoneInfo(zone))


@pytest.fixture
def bill():
    """Return a function that bills a vehicle's customer 100.00 in a time zone, due on the last day of November."""

    def bill(zone, vehicle=None, due_on=DUE):
        vehicle = vehicle or VehicleFactory()
        vehicle.customer.terms_days = (due_on - BILLED).days
        vehicle.customer.save()
        location = LocationFactory(time_zone=zone)
        order = finished(prices=("100.00",), tax="0", vehicle=vehicle, location=location)
        invoice = issue(order, now=datetime.combine(BILLED, time(12), ZoneInfo(zone)))
        assert (invoice.day, invoice.due_on) == (BILLED, due_on)
        return invoice

    return bill


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("seconds", "state", "bucket", "days"), [(-1, "open", "current", 0), (0, "overdue", "d30", 1)]
)
def test_invoice_is_past_due_from_the_midnight_of_its_location(bill, zone, seconds, state, bucket, days):
    invoice, now = bill(zone), midnight_in(zone) + seconds * TICK
    ages = {**AGES, bucket: D("100.00")}
    assert (state_of(invoice, now=now), days_past_due(DUE, zone, now)) == (state, days)
    assert Invoice.objects.filter(is_overdue(now)).exists() is (state == "overdue")
    assert get_account(invoice.bill_to_id, now=now).ageing == ages
    day = local_time(invoice.location, now).date()
    for location in (invoice.location, None):
        report = receivables(Scope(day, day, location))
        assert {name: report.totals[name] for name in AGES} == ages
        [row] = report.rows
        assert [(entry["id"], entry["bucket"]) for entry in row["invoices"]] == [(invoice.pk, bucket)]


def test_account_ages_each_invoice_by_its_own_location(bill, alice):
    vehicle = VehicleFactory(customer=alice)
    for zone in ZONES:
        bill(zone, vehicle)
    between = midnight_in("Pacific/Auckland")
    assert get_account(alice.pk, now=between - TICK).ageing == {**AGES, "current": D("200.00")}
    assert get_account(alice.pk, now=between).ageing == {**AGES, "current": D("100.00"), "d30": D("100.00")}
    later = midnight_in("America/New_York")
    assert get_account(alice.pk, now=later - TICK).ageing == {
        **AGES, "current": D("100.00"), "d30": D("100.00")
    }  # fmt: skip
    assert get_account(alice.pk, now=later).ageing == {**AGES, "d30": D("200.00")}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("before", "bucket"), [(0, "current"), (1, "d30")])
def test_statement_ages_at_the_end_of_the_last_day_of_the_location(bill, zone, before, bucket):
    invoice, midnight = bill(zone, due_on=DUE - timedelta(days=before)), midnight_in(zone)
    with pytest.raises(MonthNotOver):
        make_statement(invoice.bill_to, DUE, now=midnight - TICK)
    ageing = make_statement(invoice.bill_to, DUE, now=midnight).snapshot["ageing"]
    assert ageing == {**dict.fromkeys(AGES, "0.00"), bucket: "100.00"}
    account = get_account(invoice.bill_to_id, now=midnight - TICK)
    assert {name: str(amount) for name, amount in account.ageing.items()} == ageing


def test_day_of_a_report_of_all_locations_is_that_of_the_default_one(bill, as_ada, monkeypatch):
    invoice = bill("America/New_York")
    for seconds, day, bucket in ((-1, "2026-11-30", "current"), (0, "2026-12-01", "d30")):
        monkeypatch.setattr(timezone, "now", lambda s=seconds: midnight_in("America/New_York") + s * TICK)
        for query in ({}, {"location_id": invoice.location_id}):
            body = as_ada.get("/api/shop/reports/receivables/", query).json()
            ages = {name: body["totals"][name] for name in AGES}
            assert (body["from"], body["to"], ages) == (
                day, day, {**dict.fromkeys(AGES, "0.00"), bucket: "100.00"}
            )  # fmt: skip
