"""Selectors of orders: the counts of a customer's dashboard, and rows with their items."""

from __future__ import annotations

from django.db.models import OuterRef, Prefetch, QuerySet

from common.domain.database import count_of
from common.domain.types import AnyQuerySet
from orders.models import ACTIVE, PENDING_REFUND, Order, OrderItem, ReturnRequest


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
