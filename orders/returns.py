"""Actions of a return: request, approve, receive and refund it, or refuse it before the refund.

Goods go back on the shelf with the refund, because the shop decides only then whether they can be sold again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from catalogue.shelf import actions as shelf
from common.domain import events
from common.domain.errors import DomainError, Invalid, Kind
from common.domain.money import share
from common.domain.transitions import refusal, transition
from customers.actions import notify
from orders import till
from orders.actions import move, pieces_of
from orders.models import (
    RETURN_MACHINE,
    Order,
    OrderItem,
    OrderStatus,
    ReturnLine,
    ReturnRequest,
    ReturnStatus,
)

RETURN_WINDOW = timedelta(days=30)
# The permission that each action requires, in the admin and in the API.
PERMISSIONS = {
    **dict.fromkeys(("approve", "receive", "refuse"), "orders.decide_returnrequest"),
    "refund": "orders.refund_returnrequest",
}


class NotReturnable(DomainError):
    """The order or an item of it cannot be returned. The message gives the reason."""

    kind = Kind.INELIGIBLE
    title = "Cannot be returned"


class NotDelivered(NotReturnable):
    code = "not_delivered"


class ReturnWindowClosed(NotReturnable):
    code = "return_window_closed"
    message = f"An order can be returned within {RETURN_WINDOW.days} days of its delivery."


class NotInOrder(NotReturnable):
    code = "not_in_order"


class ReturnedAlready(NotReturnable):
    code = "returned_already"


class WrongRefund(Invalid):
    code = "wrong_refund"


def request_return(
    *, order: Order, products: Sequence[str], reason: str, description: str, now: datetime
) -> ReturnRequest:
    """Create a return of items of a delivered order, for the amount that was paid for them.

    An item is returned with all its pieces, and once. `products` are the names of items, at least one. If several items
    have the same name, the earliest one that is not in a return is chosen. Raises NotReturnable.
    """
    with transaction.atomic():
        _lock(order)
        if order.delivered_at is None or order.status != OrderStatus.DELIVERED:
            raise NotDelivered(f"Only a delivered order can be returned. This order is {order.status}.")
        if now > order.delivered_at + RETURN_WINDOW:
            raise ReturnWindowClosed
        items = _choose(order, products)
        request = ReturnRequest.objects.create(
            order=order,
            reason=reason,
            description=description,
            refund_amount=sum((item.subtotal for item in items), Decimal("0.00")),
            created_at=now,
        )
        ReturnLine.objects.bulk_create(ReturnLine(return_request=request, item=item) for item in items)
        events.record(
            "orders.returnrequest.created", request, at=now, refund_amount=str(request.refund_amount)
        )
    return request


def approve(*, request: ReturnRequest, by: int | None, now: datetime) -> None:
    """Approve the return, so that the customer may send the items. Raises IllegalTransition."""
    _move(request, ReturnStatus.APPROVED, by=by, now=now, approved_at=now)


def receive(*, request: ReturnRequest, by: int | None, now: datetime) -> None:
    """Record that the items have arrived and are to be inspected. Raises IllegalTransition."""
    _move(request, ReturnStatus.RECEIVED, by=by, now=now, received_at=now)


def refuse(*, request: ReturnRequest, by: int | None, now: datetime, reason: str = "") -> None:
    """Refuse the return. Its items can be part of another request later. Raises IllegalTransition."""
    with transaction.atomic():
        _move(request, ReturnStatus.REFUSED, by=by, now=now, refused_at=now, refusal_reason=reason)
        request.lines.update(is_refused=True)


def refund(
    *,
    request: ReturnRequest,
    by: int | None,
    now: datetime,
    amount: Decimal | None = None,
    restock: bool = False,
) -> None:
    """Refund the amount that was paid for the items, or a smaller `amount`.

    The amount is distributed over the items in proportion to their prices, to the cent. `restock` puts the pieces back
    on the shelf. When every item of the order is refunded, the order becomes returned. Raises WrongRefund,
    IllegalTransition.
    """
    with transaction.atomic():
        order = Order.objects.get(pk=request.order_id)
        _lock(order)
        request.refresh_from_db(from_queryset=ReturnRequest.objects.select_for_update())
        if request.status != ReturnStatus.RECEIVED:  # first: an amount applies to received returns only
            raise refusal(request, ReturnStatus.REFUNDED)
        amount = request.refund_amount if amount is None else amount
        if not 0 < amount <= request.refund_amount and amount != request.refund_amount:
            raise WrongRefund(
                f"Refund more than 0.00 and at most {request.refund_amount}, not {amount}.", field="amount"
            )
        items = list(OrderItem.objects.filter(return_lines__return_request=request).in_order())
        for item, part in zip(items, share(amount, [item.subtotal for item in items]), strict=True):
            item.refunded = part
        OrderItem.objects.bulk_update(items, ["refunded"])
        _move(request, ReturnStatus.REFUNDED, by=by, now=now, refunded_at=now, refund_amount=amount)
        if restock:
            shelf.take_back(source=order.source, pieces=pieces_of(items), by=by, now=now)
        refunded = ReturnLine.objects.filter(return_request__status=ReturnStatus.REFUNDED)
        if not order.items.exclude(return_lines__in=refunded).exists():
            move(order, OrderStatus.RETURNED, by=by, now=now, returned_at=now)
        till.given_back(order, amount, reason=f"Return {request.number}", by=by, now=now)


def _choose(order: Order, products: Sequence[str]) -> list[OrderItem]:
    left = list(order.items.returnable().in_order())
    chosen = []
    for name in products:
        item = next((item for item in left if item.product_name == name), None)
        if item is None:
            if order.items.filter(product_name=name).exists():
                raise ReturnedAlready(f"{name} is already part of a return of this order.")
            raise NotInOrder(f"{name} is not in this order.")
        left.remove(item)
        chosen.append(item)
    return chosen


def _lock(order: Order) -> None:
    order.refresh_from_db(from_queryset=Order.objects.select_for_update(no_key=True))


def _move(request: ReturnRequest, to: str, *, by: int | None, now: datetime, **stamps: object) -> None:
    with transaction.atomic():
        transition(request, to, machine=RETURN_MACHINE, by=by, now=now, values=stamps)
        _notify(request, now=now)


def _notify(request: ReturnRequest, *, now: datetime) -> None:
    """Notify the customer of the return's status."""
    notify(
        customer_id=request.order.customer_id,
        type="REFUND",
        title="Refund Update",
        message=f"Your return {request.number} of order {request.order.number} has been {request.status}",
        now=now,
    )
