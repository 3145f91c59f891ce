"""The business of the demo's second location: what is owed, what waits, and the closed days."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from appointments.models import Location
from billing.models import ClosedDay, CreditNote, Invoice, InvoiceSeries, Payment, VehicleExit
from billing.queries import age, find_to_give_back, find_to_invoice
from billing.reports.base import Scope
from billing.reports.sheet import day_sheet
from billing.states import days_past_due

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo")]
D = Decimal


@pytest.fixture
def second(demo):
    return Location.objects.get(is_default=False)


def test_rows_are_of_every_kind(second):
    invoices = Invoice.objects.filter(location=second)
    assert (invoices.count(), invoices.filter(is_credited=True).count()) == (19, 1)
    assert set(InvoiceSeries.objects.values_list("prefix", flat=True)) == {"SG", "SV"}
    assert Counter(Payment.objects.filter(location=second).values_list("kind", "is_reversal")) == {
        ("payment", False): 15, ("refund", False): 1, ("refund", True): 1, ("opening", False): 1
    }  # fmt: skip
    assert CreditNote.objects.count() == 2
    leased = invoices.get(bill_to__company_name="Prairie Fleet Leasing")
    assert (leased.customer.name, (leased.due_on - leased.day).days) == ("Tallgrass Deliveries", 14)
    assert VehicleExit.objects.get().override == "Pays the rest with the next wages."


def test_customers_owe_by_ages(demo, second):
    unpaid = Invoice.objects.filter(location=second, balance__gt=0)
    rows = unpaid.values_list("due_on", "balance")
    ages = age((days_past_due(due_on, second.time_zone, demo), balance) for due_on, balance in rows)
    assert ages["over"] == D("342.80")
    assert ages["current"] > 0
    assert ages["d30"] > 0


def test_something_waits_for_the_desk(second):
    waiting = find_to_invoice().filter(location=second)
    assert [order.customer.name for order in waiting] == ["Joseph Marrow"]
    assert [(row.customer.name, row.open) for row in find_to_give_back()] == [("Dot Whitlow", D("100.00"))]


def test_sheets_of_closed_days_are_still_true():
    closed = ClosedDay.objects.order_by("day")
    assert [row.snapshot["cash_difference"] for row in closed] == [*("0.00",) * 4, "-2.00", "0.00"]
    for row in closed:
        assert row.snapshot["sections"] == day_sheet(Scope(row.day, row.day, row.location)).bodies


def test_fleet_has_invoices_for_the_portal():
    rows = Invoice.objects.filter(bill_to__company_name="RS Wind").order_by("issued_at")
    assert [row.balance > 0 for row in rows] == [False, False, True]
