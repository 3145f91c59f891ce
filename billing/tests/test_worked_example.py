"""One order from its deposit to its refund, to the cent (docs/design, D86–D89)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import LineCredit, credit_lines
from billing.invoices import issue_invoice
from billing.ledger import OverOpen
from billing.models import CreditNote
from billing.payments import refund
from billing.queries import get_account
from repair_orders import actions
from testing.billed import again, completed, invoiced, opens, pay
from testing.worked_example import reload, started

pytestmark = pytest.mark.django_db
D = Decimal


def account(customer):
    return get_account(customer.pk, now=timezone.now()).balance


def test_lines_of_the_invoice_share_discount_and_tax():
    invoice = invoiced()
    lines = [
        (line.kind, line.amount, line.discount, line.net, line.tax)
        for line in invoice.lines.order_by("position")
    ]
    assert lines == [
        ("part", D("89.99"), D("9.00"), D("80.99"), D("7.19")),
        ("part", D("129.00"), D("12.90"), D("116.10"), D("10.30")),
        ("part", D("6.50"), D("0.65"), D("5.85"), D("0.52")),
        ("labour", D("233.91"), D("23.39"), D("210.52"), D("18.68")),
        ("sublet", D("21.00"), D("2.10"), D("18.90"), D("0.00")),
        ("fee", D("22.97"), D("2.30"), D("20.67"), D("1.84")),
    ]
    figures = (invoice.subtotal, invoice.discount, invoice.net, invoice.tax, invoice.total)
    assert figures == (D("503.37"), D("50.34"), D("453.03"), D("38.53"), D("491.56"))


def test_deposit_to_refund():
    now = timezone.now()
    order, *_ = started()
    deposit = pay(order, "100.00")
    assert (account(order.customer), opens(deposit)) == (D("-100.00"), [D("0.00")])
    actions.complete(order=order, by=None, now=now)
    invoice = issue_invoice(order=reload(order), by=None, now=now)
    invoice = again(invoice)
    assert (account(order.customer), invoice.balance) == (D("391.56"), D("391.56"))
    assert invoice.snapshot["balance"] == "391.56"
    cash = pay(invoice, "150.00", "cash", now=now + timedelta(seconds=1))
    assert (account(order.customer), again(invoice).balance) == (D("241.56"), D("241.56"))
    check = pay(invoice, "241.56", "check", now=now + timedelta(seconds=2))
    assert (account(order.customer), again(invoice).balance) == (D("0.00"), D("0.00"))
    pads = invoice.lines.get(position=1)
    note = credit_lines(invoice=invoice, lines=[LineCredit(pads.pk)], reason="Wrong pads", by=None, now=now)
    assert (note.net, note.tax, note.total) == (D("80.99"), D("7.19"), D("88.18"))
    assert (account(order.customer), again(invoice).balance) == (D("-88.18"), D("0.00"))
    assert opens(deposit, cash, check) == [D("0.00"), D("0.00"), D("88.18")]
    refund(payment=check, amount=D("88.18"), reason="Wrong pads", by=None, now=now)
    assert (account(order.customer), opens(check)) == (D("0.00"), [D("0.00")])
    with pytest.raises(OverOpen):
        refund(payment=check, amount=D("0.01"), reason="Again", by=None, now=now)


def test_one_of_two_rotors_is_half_twice():
    invoice = invoiced()
    rotor = invoice.lines.get(position=2)
    for _ in range(2):
        credit_lines(
            invoice=invoice,
            lines=[LineCredit(rotor.pk, D("1.00"))],
            reason="One rotor",
            by=None,
            now=timezone.now(),
        )
    notes = CreditNote.objects.order_by("id").values_list("net", "tax", "total")
    assert list(notes) == [(D("58.05"), D("5.15"), D("63.20"))] * 2


def test_vehicle_of_a_stopped_order_leaves_its_deposit_open():
    order, *_ = started()
    deposit = pay(order, "100.00")
    actions.stop(order=reload(order), reason="Too expensive", by=None, now=timezone.now())
    assert opens(deposit) == [D("100.00")]


def test_completed_example_is_491_56():
    assert completed().total_cost == D("491.56")
