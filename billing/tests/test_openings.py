"""Opening balances lie before the first invoice and before closed days (docs/design, D90)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.models import Invoice, Payment
from billing.openings import TooLate, open_account
from billing.queries import get_account
from common.domain.errors import Invalid
from customers.actions import CustomerIsMerged
from privacy.merge import merge_customers
from testing.billed import check_law, finished, issue
from testing.factories import ClosedDayFactory, LocationFactory

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def location():
    return LocationFactory()


@pytest.fixture
def book(alice, location, now):
    def book(amount, day=None):
        day = day or now.date() - timedelta(days=1)
        return open_account(customer=alice, location=location, amount=D(amount), day=day, by=None, now=now)

    return book


def test_what_the_customer_owed_is_an_invoice(book, alice, location, now):
    invoice = book("120.50")
    day = now.date() - timedelta(days=1)
    assert (invoice.kind, invoice.number, invoice.day, invoice.due_on) == (
        "opening",
        f"L{location.pk}-1",
        day,
        day,
    )
    assert list(invoice.lines.values_list("kind", "name", "net")) == [
        ("opening", "Opening balance", D("120.50"))
    ]
    assert invoice.snapshot["totals"]["total"] == "120.50"
    assert get_account(alice.pk, now=now).ageing["d30"] == D("120.50")
    check_law()


def test_what_the_shop_owed_is_an_open_payment(book, alice, now):
    payment = book("-30.00")
    assert (payment.kind, payment.amount, payment.open) == ("opening", D("30.00"), D("30.00"))
    assert get_account(alice.pk, now=now).balance == D("-30.00")
    check_law()


def test_nothing_is_no_balance(book):
    with pytest.raises(Invalid):
        book("0.00")


def test_balance_after_the_first_invoice_is_refused(book, location, now):
    issue(finished(location=location))
    with pytest.raises(TooLate):
        book("5.00", now.date())
    assert book("5.00").pk


def test_balance_of_a_closed_day_is_refused(book, location, now):
    day = now.date() - timedelta(days=9)
    ClosedDayFactory(location=location, day=day)
    with pytest.raises(TooLate) as refused:
        book("5.00", day)
    assert refused.value.text == f"Give a day before {day}, the first day with invoices or that was closed."
    assert not Invoice.objects.exists()
    assert book("5.00", day - timedelta(days=1)).pk


@pytest.mark.parametrize("days", [0, 1, 3650])
@pytest.mark.parametrize("amount", ["5.00", "-5.00"])
def test_balance_of_today_or_later_is_refused(book, location, now, amount, days):
    today = now.astimezone(ZoneInfo(location.time_zone)).date()
    with pytest.raises(TooLate) as refused:
        book(amount, today + timedelta(days=days))
    assert refused.value.text == f"Give a day before {today}, which is today there."
    assert not Invoice.objects.exists()
    assert not Payment.objects.exists()
    assert book(amount, today - timedelta(days=1)).pk


def test_openings_do_not_bound_each_other(book, now):
    for days in (3, 9, 1):
        book("5.00", now.date() - timedelta(days=days))
    assert Invoice.objects.count() == 3


def test_merged_customer_has_no_balance(book, alice, bob, now):
    merge_customers(customer=alice, into=bob, by=None, now=now)
    for amount in ("5.00", "-5.00"):
        with pytest.raises(CustomerIsMerged):
            book(amount)
    assert not Payment.objects.exists()
