"""Count the orders of each month for a customer's chart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from django.db.models import Count, DateField, DateTimeField, F, Sum
from django.db.models.functions import Cast, TruncMonth
from django.utils import timezone

from common.domain.caller import Caller
from common.domain.days import midnight, months_before
from common.domain.types import AnyQuerySet
from common.reads.read import Columns
from common.reads.statements import Param
from orders.models import OrderItem, OrderStatus


class MonthOfOrders(NamedTuple):
    """The orders of a month, which is given by its first day, and what they cost without refunds."""

    month: date
    orders: int
    spending: Decimal


@cache
def _months() -> Columns:
    def rows(caller: Caller) -> AnyQuerySet:
        items = OrderItem.objects.filter(
            order__customer_id=caller.account, order__created_at__gte=Param("since", DateTimeField())
        ).exclude(order__status=OrderStatus.CANCELLED)
        # The database driver reads a date directly. A timestamp would be converted to its time zone in Python.
        month = Cast(TruncMonth("order__created_at", tzinfo=timezone.get_default_timezone()), DateField())
        figures = items.annotate(month=month).values("month")
        return figures.annotate(
            count=Count("order", distinct=True), spending=Sum(F("subtotal") - F("refunded"))
        ).order_by("month")

    return Columns(rows, "month", "count", "spending")


def orders_per_month(caller: Caller, *, until: date, months: int) -> list[MonthOfOrders]:
    """Return the last `months` months up to that of `until`, oldest first, with their orders. One query.

    Months are those of the project's time zone. Cancelled orders do not count, and a month without orders has zeros.
    """
    first = months_before(until, months - 1)
    found = {row[0]: MonthOfOrders(*row) for row in _months().of(caller, since=midnight(first))}
    wanted = [months_before(until, number) for number in range(months - 1, -1, -1)]
    return [found.get(month, MonthOfOrders(month, 0, Decimal("0.00"))) for month in wanted]
