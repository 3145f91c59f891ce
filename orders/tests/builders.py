"""Builders and snapshots that the tests of returns and of refunds share."""

from __future__ import annotations

from decimal import Decimal

from customers.models import Notification
from orders import returns
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from testing.factories import OrderFactory, OrderItemFactory
from testing.shelf import available


def delivered(*prices, names=None, **fields):
    """Return a delivered order with one item of one piece for each price."""
    order = OrderFactory(status="delivered", **fields)
    for number, price in enumerate(prices):
        name = names[number] if names else f"Part {number}"
        OrderItemFactory(order=order, part__name=name, unit_price=Decimal(price))
    return order


def request_return(order, *products, now):
    return returns.request_return(
        order=order, products=products, reason="Product is defective", description="", now=now
    )


def received(order, *products, now):
    request = request_return(order, *products, now=now)
    ReturnRequest.objects.filter(pk=request.pk).update(status="received")
    return ReturnRequest.objects.get(pk=request.pk)


def refunded(order):
    return list(order.items.in_order().values_list("refunded", flat=True))


def snapshot():
    """Return every row that an action may change."""
    return {
        "orders": list(Order.objects.order_by("id").values()),
        "items": list(OrderItem.objects.order_by("id").values()),
        "returns": list(ReturnRequest.objects.order_by("id").values()),
        "lines": list(ReturnLine.objects.order_by("id").values()),
        "available": available(),
        "notifications": list(Notification.objects.order_by("id").values()),
        "history": Order.history.count() + ReturnRequest.history.count(),
    }
