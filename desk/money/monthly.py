"""Statements of a month before they are made, and those of them that have to be printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.mail import address_of
from billing.models import Invoice, Statement
from billing.statements import find_owing
from common.domain.money import exact
from common.domain.types import AnyQuerySet
from customers.models import Customer


@dataclass(frozen=True, slots=True)
class Owing:
    """A customer who gets a statement, what is unpaid at the end of the month, and the address it is mailed to."""

    customer: Customer
    amount: Decimal
    address: str
    is_mailed: bool  # before, which is not repeated


@dataclass(frozen=True, slots=True)
class Month:
    """The statements of a month that are to be made."""

    first: date
    rows: Sequence[Owing]

    @property
    def total(self) -> Decimal:
        return sum((row.amount for row in self.rows), Decimal("0.00"))

    @property
    def words(self) -> str:
        """How many customers get one, and how: `3 customers: 1 by mail, 2 to print`."""
        mailed = sum(1 for row in self.rows if row.is_mailed)
        mails = sum(1 for row in self.rows if row.address and not row.is_mailed)
        parts = [f"{mails} by mail", f"{len(self.rows) - mails - mailed} to print"]
        if mailed:
            parts.append(f"{mailed} mailed before")
        return f"{len(self.rows)} customer{'' if len(self.rows) == 1 else 's'}: {', '.join(parts)}"


def look_at(month: date) -> Month:
    """Return the statements that a run of a month makes. Three queries."""
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    unpaid: AnyQuerySet = Invoice.objects.unpaid_on(last)
    for payer, amount in unpaid.order_by().values_list("bill_to", "unpaid"):
        sums[payer] += exact(amount)
    sent = Statement.objects.filter(month=first, sent_at__isnull=False)
    mailed = set(sent.order_by().values_list("customer", flat=True))
    return Month(
        first,
        [
            Owing(customer, sums[customer.pk], address_of(customer), customer.pk in mailed)
            for customer in find_owing(first).select_related("contact")
        ],
    )


def find_unmailed(month: date) -> Sequence[Statement]:
    """Return the statements of a month that were not mailed, by the names of their customers. One query."""
    rows = Statement.objects.filter(month=month.replace(day=1), sent_at=None)
    return sorted(rows.select_related("customer__contact"), key=lambda row: row.customer.name.casefold())
