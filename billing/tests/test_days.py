"""Closed days: their sheet, and postings after them (docs/design, D90)."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from billing.credit_notes import credit_all
from billing.days import DayClosed, DayInFuture, close_day
from billing.invoices import issue_invoice
from billing.models import Allocation, ClosedDay, Invoice, Payment
from billing.openings import TooLate, open_account
from billing.payments import refund
from billing.reports.base import Scope
from billing.reports.journal import journal
from billing.reports.receivables import receivables
from billing.reports.sheet import day_sheet
from billing.statements import make_statement
from common.domain.errors import DomainError
from testing.billed import again, completed, finished, invoiced, issue, pay
from testing.factories import CustomerFactory, LocationFactory, UserFactory
from testing.storms import overlapping, parallel

D = Decimal
EVENING = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
DAY, ONE = date(2026, 11, 30), timedelta(days=1)


def close(location, day=DAY, now=EVENING, **options):
    return close_day(location, day, **{"cash_counted": None, "note": "", "by": None, "now": now, **options})


def cash(location, amount, now=EVENING):
    return pay(None, amount, "cash", CustomerFactory(), location=location, now=now)


def money_of(sheet):
    return next(section.total[1] for section in sheet.sections if section.title == "Money of the day")


def figures_on(day, customer):
    """Return what a customer owes, what is open and the account at the end of a day. Report and statement agree."""
    rows = receivables(Scope(day, day)).rows
    [row] = [row for row in rows if row["customer_id"] == customer.pk] or [{}]
    figures = tuple(row.get(name, D("0.00")) for name in ("balance", "open_payments", "account"))
    paper = make_statement(customer, day, now=EVENING + timedelta(days=90)).snapshot
    if (day + ONE).day == 1:
        owed = sum(map(D, paper["ageing"].values()))
        assert (owed, D(paper["open_payments"]), D(paper["closing"])) == figures
    return figures


@pytest.fixture
def ahead():
    """Return a location where the next day has begun."""
    return LocationFactory(time_zone="Pacific/Auckland")


@pytest.fixture
def behind():
    """Return a location where it is still the day."""
    return LocationFactory(time_zone="Pacific/Honolulu")


@pytest.mark.django_db
class TestClosing:
    def test_sheet_is_stored_as_it_is_printed(self):
        location = LocationFactory(name="Main Street", time_zone="America/New_York")
        cash(location, "150.00")
        by = UserFactory(first_name="Mary", last_name="Miller")
        closed = close(location, cash_counted=D("149.50"), note="50 cents missing", by=by.pk)
        sheet = day_sheet(Scope(DAY, DAY, location))
        assert closed.snapshot == {
            "shop": {
                "name": "Main Street",
                "location": "Main Street",
                "address": "500 Main St",
                "phone": "",
                "email": "",
                "tax_id": "",
                "registration_number": "",
                "terms": "",
                "time_zone": "America/New_York",
                "paper_size": "letter",
            },
            "day": "2026-11-30",
            "closed_at": "2026-11-30T23:30:00Z",
            "closed_by": "Mary Miller",
            "zone": "America/New_York",
            "sections": sheet.bodies,
            "cash_counted": "149.50",
            "cash_expected": "150.00",
            "cash_difference": "-0.50",
            "note": "50 cents missing",
        }

    def test_cash_that_was_not_counted_has_no_difference(self):
        location = LocationFactory()
        paid = cash(location, "20.00")
        refund(payment=paid, amount=D("5.00"), reason="Too much", by=None, now=EVENING)
        snapshot = close(location).snapshot
        assert (snapshot["cash_counted"], snapshot["cash_expected"], snapshot["cash_difference"]) == (
            None, "15.00", None,
        )  # fmt: skip

    def test_day_is_closed_once(self):
        location = LocationFactory()
        close(location)
        with pytest.raises(DayClosed) as refusal:
            close(location)
        assert refusal.value.facts == {"closed_at": "2026-11-30T23:30:00Z"}
        assert ClosedDay.objects.count() == 1

    @pytest.mark.parametrize(
        ("zone", "day", "is_possible"),
        [
            ("UTC", date(2026, 11, 30), True),
            ("UTC", date(2026, 11, 29), True),
            ("UTC", date(2026, 12, 1), False),
            ("Asia/Tokyo", date(2026, 12, 1), True),
            ("America/Los_Angeles", date(2026, 12, 1), False),
        ],
    )
    def test_only_days_that_have_begun_at_the_location_can_be_closed(self, zone, day, is_possible):
        location = LocationFactory(time_zone=zone)
        if not is_possible:
            with pytest.raises(DayInFuture):
                close(location, day)
        else:
            close(location, day)
        assert ClosedDay.objects.filter(day=day).exists() is is_possible

    def test_what_is_posted_later_counts_on_the_next_day_that_is_open(self):
        location = LocationFactory()
        cash(location, "10.00")
        close(location)
        sheet, entries = day_sheet(Scope(DAY, DAY, location)), journal(Scope(DAY, DAY, location)).csv
        close(location, DAY + timedelta(days=1), EVENING + timedelta(days=1))
        late = cash(location, "20.00")
        elsewhere = cash(LocationFactory(), "30.00")
        assert (late.day, elsewhere.day) == (date(2026, 12, 2), DAY)
        assert day_sheet(Scope(DAY, DAY, location)) == sheet
        assert journal(Scope(DAY, DAY, location)).csv == entries
        assert money_of(day_sheet(Scope(late.day, late.day, location))) == D("20.00")

    def test_use_counts_not_before_its_invoice(self, ahead, behind):
        """The invoice's location has the next day already, and the payment's has not."""
        invoice = issue(finished(location=ahead), now=EVENING)
        payment = pay(invoice, "50.00", location=behind, now=EVENING)
        [use] = payment.allocations.all()
        assert (invoice.day, payment.day, use.day) == (DAY + ONE, DAY, DAY + ONE)
        assert figures_on(DAY, invoice.bill_to) == (D("0.00"), D("50.00"), D("-50.00"))
        assert figures_on(DAY + ONE, invoice.bill_to) == (D("47.98"), D("0.00"), D("47.98"))

    def test_use_of_an_invoice_that_was_issued_after_a_closing_counts_with_it(self):
        """Both locations have one zone, and one of them has closed its day."""
        closed, location = LocationFactory(), LocationFactory()
        close(closed)
        invoice = issue(finished(location=closed), now=EVENING)
        payment = pay(invoice, "97.98", location=location, now=EVENING)
        assert (payment.day, payment.allocations.get().day) == (DAY, DAY + ONE)
        assert figures_on(DAY, invoice.bill_to) == (D("0.00"), D("97.98"), D("-97.98"))

    def test_credit_counts_not_before_what_it_takes_off(self, ahead, behind):
        """The payment's location has the next day already, and the invoice's has not."""
        invoice = issue(finished(location=behind), now=EVENING)
        pay(invoice, "97.98", location=ahead, now=EVENING)
        note = credit_all(invoice=again(invoice), reason="Goodwill", by=None, now=EVENING)
        assert (invoice.day, note.day) == (DAY, DAY + ONE)
        assert figures_on(DAY, invoice.bill_to) == (D("97.98"), D("0.00"), D("97.98"))
        assert figures_on(DAY + ONE, invoice.bill_to) == (D("0.00"), D("97.98"), D("-97.98"))

    def test_refund_at_another_location_counts_not_before_its_payment(self, ahead, behind):
        payment = cash(ahead, "30.00")
        given = refund(
            payment=payment, amount=D("30.00"), reason="Changed mind", by=None, now=EVENING, location=behind
        )
        assert (payment.day, given.day) == (DAY + ONE, DAY + ONE)
        assert figures_on(DAY, payment.customer) == (D("0.00"), D("0.00"), D("0.00"))

    def test_refund_counts_not_before_the_use_that_was_taken_off(self, ahead, behind):
        invoice = issue(finished(location=ahead), now=EVENING)
        payment = pay(invoice, "97.98", location=behind, now=EVENING)
        credit_all(invoice=again(invoice), reason="Goodwill", by=None, now=EVENING)
        given = refund(payment=again(payment), amount=D("97.98"), reason="Back", by=None, now=EVENING)
        assert (payment.day, given.day) == (DAY, DAY + ONE)
        assert figures_on(DAY, invoice.bill_to) == (D("0.00"), D("97.98"), D("-97.98"))
        assert figures_on(DAY + ONE, invoice.bill_to) == (D("0.00"), D("0.00"), D("0.00"))

    def test_closed_day_never_changes(self):
        close(LocationFactory())
        with pytest.raises(IntegrityError):
            ClosedDay.objects.update(note="Another note")

    def test_opening_balance_lies_before_closed_days(self):
        location = LocationFactory()
        close(location)
        account = {"customer": CustomerFactory(), "location": location, "by": None, "now": EVENING}
        with pytest.raises(TooLate):
            open_account(amount=D("10.00"), day=DAY, **account)
        open_account(amount=D("10.00"), day=DAY - timedelta(days=1), **account)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestPostingsMeanwhile:
    def check(self, location, day):
        """Assert that each posting is on the closed sheet or on a later day, and that the sheet is still true."""
        closed = ClosedDay.objects.get(location=location, day=day)
        assert day_sheet(Scope(day, day, location)).bodies == closed.snapshot["sections"]
        for model in (Payment, Invoice, Allocation):
            assert set(model.objects.filter(location=location).values_list("day", flat=True)) <= {
                day,
                day + timedelta(days=1),
            }
        both = day_sheet(Scope(day, day + timedelta(days=1), location))
        paid = sum(payment.amount for payment in Payment.objects.filter(location=location))
        assert money_of(both) == paid

    def test_payment_before_a_closing_is_on_its_sheet(self):
        location, customer, now = LocationFactory(), CustomerFactory(), timezone.now()
        day = now.date()
        outcomes = overlapping(
            lambda: pay(None, "10.00", "cash", customer, location=location, now=now),
            lambda: close(location, day, now),
        )
        assert outcomes[0].day == day
        assert outcomes[1].snapshot["cash_expected"] == "10.00"
        self.check(location, day)

    def test_payment_during_a_closing_waits_and_counts_on_the_next_day(self):
        location, customer, now = LocationFactory(), CustomerFactory(), timezone.now()
        day = now.date()
        outcomes = overlapping(
            lambda: close(location, day, now),
            lambda: pay(None, "10.00", "cash", customer, location=location, now=now),
        )
        assert outcomes[0].snapshot["cash_expected"] == "0.00"
        assert outcomes[1].day == day + timedelta(days=1)
        self.check(location, day)

    def test_opening_balance_during_a_closing_is_refused(self):
        location, customer, now = LocationFactory(), CustomerFactory(), timezone.now()
        day = now.date()
        _, refusal = overlapping(
            lambda: close(location, day, now),
            lambda: open_account(
                customer=customer, location=location, amount=D("5.00"), day=day, by=None, now=now
            ),
        )
        assert isinstance(refusal, TooLate)
        self.check(location, day)

    def test_storm_of_postings_and_one_closing_loses_nothing(self):
        invoice, now = invoiced(), timezone.now()
        location, day = invoice.location, now.date()
        customers = [CustomerFactory() for _ in range(11)]
        closer = random.Random(30).randrange(12)

        def work(number):
            if number == closer:
                return close(location, day, now)
            if number % 3 == 0:
                return pay(Invoice.objects.get(pk=invoice.pk), "5.00", "card", now=now)
            return pay(None, "1.00", "cash", customers[number % 11], location=location, now=now)

        outcomes = parallel(12, work)
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [error for error in errors if not isinstance(error, DomainError)] == []
        self.check(location, day)

    def test_invoice_and_closing_at_once(self):
        order, now = completed(), timezone.now()
        outcomes = parallel(
            2,
            lambda number: (
                close(order.location, now.date(), now)
                if number
                else issue_invoice(order=order, by=None, now=now)
            ),
        )
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        self.check(order.location, now.date())
