"""Selectors of orders: the counts of a customer's dashboard, and rows with their items."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import DateTimeField, OuterRef, Prefetch, QuerySet, Sum

from catalogue.shelf.sources import Named
from common.domain import ids
from common.domain.caller import Caller
from common.domain.database import count_of
from common.domain.types import AnyQuerySet
from common.reads.read import Columns
from common.reads.statements import Param
from orders.models import ACTIVE, ORDER_PREFIX, PENDING_REFUND, Order, OrderItem, OrderStatus, ReturnRequest


def _expired(caller: Caller) -> QuerySet[Order]:
    return Order.objects.visible_to(caller).expired(Param("now", DateTimeField())).order_by("id")


_EXPIRED = Columns(_expired, "id")


def has_expired_orders(caller: Caller, now: datetime) -> bool:
    """Return whether an order of the caller has expired and is not cancelled yet. One compiled query."""
    return bool(_EXPIRED.of(caller, now=now))


def count_unpaid_pieces(customer_id: int, now: datetime) -> int:
    """Return how many pieces the customer's unpaid orders hold. Orders that have expired hold none."""
    items = OrderItem.objects.filter(
        order__customer=customer_id, order__status=OrderStatus.PLACED, order__expires_at__gt=now
    )
    return items.aggregate(pieces=Sum("quantity"))["pieces"] or 0


def with_order_counts(rows: AnyQuerySet, customer: str) -> AnyQuerySet:
    """Annotate `rows` with the order counts of the customer found at the path `customer`.

    `total_orders` counts every order, `active_orders` those that are not delivered, returned or cancelled, and
    `pending_refunds` the returns that are not refunded or refused. Each count is a subquery over an index, and it runs
    only where the annotation is selected.
    """
    orders = Order.objects.filter(customer=OuterRef(customer))
    returns = ReturnRequest.objects.filter(order__customer=OuterRef(customer))
    annotated: AnyQuerySet = rows.annotate(
        total_orders=count_of(orders),
        active_orders=count_of(orders.filter(status__in=ACTIVE)),
        pending_refunds=count_of(returns.filter(status__in=PENDING_REFUND)),
    )
    return annotated


def with_items(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Prefetch the items that an order's total is computed from, for pages that render objects."""
    return orders.prefetch_related(Prefetch("items", OrderItem.objects.in_order()))


def name_orders(order_ids: Collection[int]) -> dict[int, Named]:
    """Name orders as sources of the shelf's reservations. The number needs no query."""
    return {
        number: Named({"order_id": number}, f"Parts order {ids.format_id(ORDER_PREFIX, number)}")
        for number in order_ids
    }
