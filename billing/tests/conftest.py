"""The worked example in New York: invoiced and paid on 30 November 2026, its pads refunded on the next day."""

from __future__ import annotations

from decimal import Decimal

import pytest

from appointments.models import Location
from billing.credit_notes import LineCredit, credit_lines
from billing.invoices import issue_invoice, set_prefix
from billing.payments import refund
from billing.tests.reports import FIRST, SECOND
from repair_orders import actions
from testing.billed import pay
from testing.worked_example import reload, started

D = Decimal


@pytest.fixture
def example():
    """Return the invoice of 30 November 2026, paid on that day. Its pads are refunded a day later."""
    order, *_ = started()
    Location.objects.update(time_zone="America/New_York", name="Main Street")
    order = reload(order)
    set_prefix(location=order.location, prefix="MS")
    deposit = pay(order, "100.00", now=FIRST)
    actions.complete(order=order, by=None, now=FIRST)
    invoice = issue_invoice(order=reload(order), by=None, now=FIRST)
    cash = pay(invoice, "150.00", "cash", now=FIRST)
    check = pay(invoice, "241.56", "check", now=FIRST)
    pads = invoice.lines.get(position=1)
    note = credit_lines(
        invoice=invoice, lines=[LineCredit(pads.pk)], reason="Wrong pads", by=None, now=SECOND
    )
    given = refund(payment=check, amount=D("88.18"), reason="Wrong pads", by=None, now=SECOND)
    return {
        "invoice": invoice, "deposit": deposit, "cash": cash, "check": check, "note": note, "refund": given,
    }  # fmt: skip
