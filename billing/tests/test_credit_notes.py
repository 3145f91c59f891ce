"""Credits by line, by amount and of the whole invoice, and what is refused (docs/design, D89)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import (
    FullyCredited,
    LineCredit,
    NotDivisible,
    OverInvoice,
    OverLine,
    UnknownLine,
    credit_all,
    credit_amount,
    credit_lines,
)
from billing.models import CreditNote
from billing.openings import open_account
from common.domain.errors import Invalid
from common.domain.models import Event
from testing.billed import again, check_law, finished, invoiced, issue, line_of, opens, pay
from testing.factories import LocationFactory

pytestmark = pytest.mark.django_db
D = Decimal


def lines(invoice, *wanted):
    return credit_lines(
        invoice=again(invoice),
        lines=[LineCredit(line.pk, quantity and D(quantity)) for line, quantity in wanted],
        reason="Back",
        by=None,
        now=timezone.now(),
    )


def amount(invoice, dollars):
    return credit_amount(
        invoice=again(invoice), amount=D(dollars), reason="Sorry", by=None, now=timezone.now()
    )


def whole(invoice):
    return credit_all(invoice=again(invoice), reason="Wrong", by=None, now=timezone.now())


def figures(note):
    return [
        (row.name, row.quantity, row.amount, row.discount, row.net, row.tax)
        for row in note.lines.order_by("position")
    ]


@pytest.fixture
def invoice():
    """Three pieces at 33.33, 10 % off, 8.875 % tax: 99.99 − 10.00 + 7.99 = 97.98."""
    return issue(finished(prices=("33.33",), quantity="3", discount="10"))


@pytest.fixture
def line(invoice):
    return invoice.lines.get()


def test_pieces_return_their_own_net_and_tax(invoice, line):
    notes = [lines(invoice, (line, "1.00")) for _ in range(3)]
    # A third, two thirds and all of 10.00, 89.99 and 7.99, each less what was credited before.
    assert [figures(note)[0][2:] for note in notes] == [
        (D("33.33"), D("3.33"), D("30.00"), D("2.66")),
        (D("33.33"), D("3.34"), D("29.99"), D("2.67")),
        (D("33.33"), D("3.33"), D("30.00"), D("2.66")),
    ]
    assert again(invoice).is_credited
    check_law()


def test_rest_of_a_line_is_credited_without_a_quantity(invoice, line):
    lines(invoice, (line, "1.00"))
    note = lines(invoice, (line, None))
    assert (figures(note)[0][1], again(invoice).credited) == (D("2.00"), invoice.total)


def test_more_than_is_left_of_a_line_is_refused(invoice, line):
    lines(invoice, (line, "2.00"))
    for quantity in ("1.01", "3.00"):
        with pytest.raises(OverLine) as refused:
            lines(invoice, (line, quantity))
        assert (refused.value.facts, refused.value.item) == ({"left": "1.00"}, 0)
    with pytest.raises(OverLine) as refused:
        lines(invoice, (line, "1.00"), (line, "0.01"))
    assert (refused.value.facts, refused.value.item) == ({"left": "0.00"}, 1)
    assert CreditNote.objects.count() == 1


def test_line_of_another_invoice_is_unknown(invoice):
    other = issue(finished())
    with pytest.raises(UnknownLine):
        lines(invoice, (other.lines.get(), None))


def test_flat_line_is_credited_as_a_whole():
    invoice = invoiced()
    sublet = line_of(invoice, "State inspection")
    with pytest.raises(NotDivisible):
        lines(invoice, (sublet, "1.00"))
    note = lines(invoice, (sublet, None))
    assert figures(note) == [("State inspection", None, D("21.00"), D("2.10"), D("18.90"), D("0.00"))]
    with pytest.raises(OverLine):
        lines(invoice, (sublet, None))


def test_allowance_has_its_share_of_tax(invoice):
    notes = [amount(invoice, "10.00") for _ in range(2)]
    # 7.99 of 97.98 is 8.1547 %: 0.82 in 10.00 and 1.63 in 20.00.
    assert [(note.net, note.tax, note.total) for note in notes] == [
        (D("9.18"), D("0.82"), D("10.00")),
        (D("9.19"), D("0.81"), D("10.00")),
    ]


@pytest.mark.parametrize("dollars", ["0.00", "-1.00"])
def test_allowance_is_of_something(invoice, dollars):
    with pytest.raises(Invalid):
        amount(invoice, dollars)


def test_more_than_is_left_of_the_invoice_is_refused(invoice, line):
    amount(invoice, "90.00")
    with pytest.raises(OverInvoice) as refused:
        amount(invoice, "7.99")
    assert refused.value.facts == {"left": "7.98"}
    with pytest.raises(OverInvoice):
        lines(invoice, (line, "1.00"))
    assert again(invoice).credited == D("90.00")


def test_whole_takes_allowances_back(invoice):
    amount(invoice, "10.00")
    note = whole(invoice)
    assert figures(note)[-1] == (
        "Allowances given before",
        None,
        D("-9.18"),
        D("0.00"),
        D("-9.18"),
        D("-0.82"),
    )
    assert (note.total, again(invoice).credited) == (D("87.98"), invoice.total)
    check_law()


def test_credited_invoice_is_credited_no_more(invoice, line):
    whole(invoice)
    for call in (
        lambda: whole(invoice),
        lambda: amount(invoice, "0.01"),
        lambda: lines(invoice, (line, "1.00")),
    ):
        with pytest.raises(FullyCredited):
            call()
    assert CreditNote.objects.count() == 1


def test_last_cent_credits_the_whole(invoice):
    amount(invoice, "97.97")
    assert not again(invoice).is_credited
    amount(invoice, "0.01")
    assert again(invoice).is_credited


def test_latest_payment_is_freed_first(invoice):
    payments = [pay(invoice, "50.00"), pay(invoice, "47.98")]
    amount(invoice, "60.00")
    assert opens(*payments) == [D("12.02"), D("47.98")]
    assert again(invoice).balance == D("0.00")


def test_unpaid_part_is_credited_before_payments_are_freed(invoice):
    payment = pay(invoice, "50.00")
    amount(invoice, "47.98")
    assert (opens(payment), again(invoice).balance) == ([D("0.00")], D("0.00"))
    amount(invoice, "1.00")
    assert opens(payment) == [D("1.00")]


def test_opening_balance_is_credited(alice, now):
    day = now.date() - timedelta(days=1)
    invoice = open_account(
        customer=alice, location=LocationFactory(), amount=D("80.00"), day=day, by=None, now=now
    )
    note = whole(invoice)
    assert (note.total, note.tax, again(invoice).balance) == (D("80.00"), D("0.00"), D("0.00"))


def test_paper_says_what_is_left(invoice):
    note = amount(invoice, "10.00")
    assert note.snapshot["invoice"] == {
        "number": invoice.number,
        "issued_at": invoice.snapshot["issued_at"],
        "total": "97.98",
        "left": "87.98",
    }
    assert note.snapshot["totals"] == {
        "subtotal": "9.18", "discount": "0.00", "net": "9.18", "tax": "0.82", "total": "10.00"
    }  # fmt: skip
    event = Event.objects.get(type="billing.invoice.credited")
    assert (event.payload["credit_note"], event.payload["total"]) == (note.pk, "10.00")
