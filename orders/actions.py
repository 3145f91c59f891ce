"""Actions of an order: place, confirm, pack, ship and deliver it, or cancel it before it is shipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from catalogue import stock
from common.domain.errors import Invalid
from common.domain.transitions import transition
from customers.actions import notify
from orders.models import MAX_PIECES, ORDER_MACHINE, Order, OrderItem, OrderStatus

MAX_TOTAL = Decimal("99999999.99")
# The permission that each action requires, in the admin and in the API.
PERMISSIONS = dict.fromkeys(("confirm", "pack", "ship", "deliver", "cancel"), "orders.move_order")


class TooManyPieces(Invalid):
    code = "too_many_pieces"
    message = f"An order takes at most {MAX_PIECES:,} pieces of a product."


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The order's total would exceed the maximum of {MAX_TOTAL}."


def place_order(*, customer_id: int, items: Iterable[tuple[int, int]], now: datetime) -> Order:
    """Create an order of catalogue parts at today's prices, and take the pieces from stock.

    `items` are (part id, pieces) pairs, at least one. A part that is listed twice becomes one line with the sum of its
    pieces. Raises Missing, NotEnoughStock, TooManyPieces, TotalTooLarge. An order that is refused changes no stock.
    """
    pieces: Counter[int] = Counter()
    for part_id, quantity in items:
        pieces[part_id] += quantity
    if max(pieces.values()) > MAX_PIECES:
        raise TooManyPieces(field="items")
    with transaction.atomic():
        parts = stock.take(pieces)
        if sum(part.unit_price * pieces[part.pk] for part in parts) > MAX_TOTAL:
            raise TotalTooLarge(field="items")
        order = Order.objects.create(customer_id=customer_id, created_at=now)
        by_id = {part.pk: part for part in parts}
        OrderItem.objects.bulk_create(
            OrderItem(
                order=order,
                part=by_id[part_id],
                product_name=by_id[part_id].name,
                quantity=quantity,
                unit_price=by_id[part_id].unit_price,
                subtotal=by_id[part_id].unit_price * quantity,
            )
            for part_id, quantity in pieces.items()
        )
        _notify(order, now=now)
    return order


def confirm(*, order: Order, by: int | None, now: datetime) -> None:
    """Record that the order is paid for. Raises IllegalTransition."""
    move(order, OrderStatus.CONFIRMED, by=by, now=now, confirmed_at=now)


def pack(*, order: Order, by: int | None, now: datetime) -> None:
    """Record that the order is packed. Raises IllegalTransition."""
    move(order, OrderStatus.PACKED, by=by, now=now, packed_at=now)


def ship(
    *,
    order: Order,
    courier_name: str,
    tracking_number: str,
    by: int | None,
    now: datetime,
    courier_contact: str = "",
    current_location: str = "",
    estimated_delivery: datetime | None = None,
) -> None:
    """Record that a courier has the parcel. Raises IllegalTransition."""
    move(
        order,
        OrderStatus.SHIPPED,
        by=by,
        now=now,
        shipped_at=now,
        courier_name=courier_name,
        courier_contact=courier_contact,
        tracking_number=tracking_number,
        current_location=current_location,
        estimated_delivery=estimated_delivery,
    )


def deliver(*, order: Order, by: int | None, now: datetime) -> None:
    """Record the delivery, which starts the 30 days for returns. Raises IllegalTransition."""
    move(order, OrderStatus.DELIVERED, by=by, now=now, delivered_at=now)


def cancel(*, order: Order, by: int | None, now: datetime) -> None:
    """Cancel the order and put its pieces back in stock. Raises IllegalTransition."""
    with transaction.atomic():
        move(order, OrderStatus.CANCELLED, by=by, now=now, cancelled_at=now)
        stock.put_back(pieces_of(order.items.all()))


def move(order: Order, to: str, *, by: int | None, now: datetime, **stamps: object) -> None:
    """Move the order to `to`, set its timestamps and notify the customer. Raises IllegalTransition."""
    with transaction.atomic():
        transition(order, to, machine=ORDER_MACHINE, by=by, now=now, values=stamps)
        _notify(order, now=now)


def pieces_of(items: Iterable[OrderItem]) -> dict[int, int]:
    """Return the items as the stock functions take them: part id -> pieces."""
    return {item.part_id: item.quantity for item in items}


def _notify(order: Order, *, now: datetime) -> None:
    """Notify the customer of the order's status, in the words that contract 002 prints."""
    notify(
        customer_id=order.customer_id,
        type="ORDER",
        title="Order Update",
        message=f"Your order {order.number} has been {order.status}",
        now=now,
    )
