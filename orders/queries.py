"""What a customer's dashboard says of his orders."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Prefetch, Q, QuerySet

from orders.models import ACTIVE, PENDING_REFUND, Order, OrderItem, ReturnRequest


@dataclass(frozen=True, slots=True)
class Counts:
    """Active orders are neither delivered, returned nor cancelled; pending refunds neither paid nor refused."""

    total_orders: int
    active_orders: int
    pending_refunds: int


def counts_of(customer_id: int) -> Counts:
    """Two queries over indexes, however many orders there are."""
    orders = Order.objects.filter(customer_id=customer_id).aggregate(
        total=Count("id"), active=Count("id", filter=Q(status__in=ACTIVE))
    )
    pending = ReturnRequest.objects.filter(order__customer_id=customer_id, status__in=PENDING_REFUND)
    return Counts(orders["total"], orders["active"], pending.count())


def with_items(orders: QuerySet[Order]) -> QuerySet[Order]:
    """With what was bought: what the total is made of. For pages that need objects."""
    return orders.prefetch_related(Prefetch("items", OrderItem.objects.in_order()))
