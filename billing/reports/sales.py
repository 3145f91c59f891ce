"""Sales of each day: the totals of the day sheets of several days at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum

from billing.ledger import ZERO
from billing.models import Allocation, CreditNote, Invoice, InvoiceKind
from billing.reports.base import Scope
from common.domain.money import exact
from common.domain.types import AnyQuerySet


def sales_by_day(scope: Scope) -> dict[date, Decimal]:
    """Return the sales with tax of each day of a scope, as its day sheet counts them. Costs three queries."""
    sums: defaultdict[date, Decimal] = defaultdict(lambda: ZERO)
    notes = CreditNote.objects.filter(scope.rows(), invoice__kind=InvoiceKind.ORDER)
    for day, amount in _by_day(Invoice.objects.filter(scope.rows(), kind=InvoiceKind.ORDER), "total"):
        sums[day] += amount
    for day, amount in _by_day(notes, "total"):
        sums[day] -= amount
    for day, amount in _by_day(Allocation.objects.filter(scope.rows(), parts_order__isnull=False), "amount"):
        sums[day] += amount
    days = (scope.last - scope.first).days + 1
    return {day: sums[day] for day in (scope.first + timedelta(days=n) for n in range(days))}


def _by_day(rows: AnyQuerySet, column: str) -> list[tuple[date, Decimal]]:
    found = rows.order_by().values("day").annotate(sum=Sum(column))
    return [(row["day"], exact(row["sum"])) for row in found]
