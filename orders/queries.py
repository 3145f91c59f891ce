"""What a customer's dashboard says of his orders, and what pages show of them."""

from __future__ import annotations

from django.db.models import OuterRef, Prefetch, QuerySet

from common.domain.database import count_of
from common.domain.types import AnyQuerySet
from orders.models import ACTIVE, PENDING_REFUND, Order, OrderItem, ReturnRequest


def with_order_counts(rows: AnyQuerySet, customer: str) -> AnyQuerySet:
    """With figures of the customer at that path of each row, each a look into an index, taken where it is selected.

    `total_orders`; `active_orders`, neither delivered, returned nor cancelled; `pending_refunds`, neither paid nor
    refused.
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
    """With what was bought: what the total is made of. For pages that need objects."""
    return orders.prefetch_related(Prefetch("items", OrderItem.objects.in_order()))
