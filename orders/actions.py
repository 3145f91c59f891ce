"""The life of an order: placed, confirmed, packed, shipped, delivered; cancelled before it is shipped."""

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
from orders.models import MOST_PIECES, ORDER_MACHINE, Order, OrderItem, OrderStatus

LARGEST_TOTAL = Decimal("99999999.99")
# What each step asks for, at every door.
PERMISSIONS = dict.fromkeys(("confirm", "pack", "ship", "deliver", "cancel"), "orders.move_order")


class TooManyPieces(Invalid):
    code = "too_many_pieces"
    message = f"An order takes at most {MOST_PIECES:,} pieces of a product."


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The order would cost more than {LARGEST_TOTAL}."


def place_order(*, customer_id: int, items: Iterable[tuple[int, int]], now: datetime) -> Order:
    """Buy from the catalogue at today's prices; `items` are (part id, pieces), at least one.

    The same part twice is one line of all its pieces. Raises Missing, NotEnoughStock, TooManyPieces, TotalTooLarge;
    of a refused order nothing is taken.
    """
    pieces: Counter[int] = Counter()
    for part_id, quantity in items:
        pieces[part_id] += quantity
    if max(pieces.values()) > MOST_PIECES:
        raise TooManyPieces(field="items")
    with transaction.atomic():
        parts = stock.take(pieces)
        if sum(part.unit_price * pieces[part.pk] for part in parts) > LARGEST_TOTAL:
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
        _tell(order, now=now)
    return order


def confirm(*, order: Order, by: int | None, now: datetime) -> None:
    """It is paid for. Raises IllegalTransition."""
    move(order, OrderStatus.CONFIRMED, by=by, now=now, confirmed_at=now)


def pack(*, order: Order, by: int | None, now: datetime) -> None:
    """Raises IllegalTransition."""
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
    """A courier has it. Raises IllegalTransition."""
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
    """The customer has it; his 30 days to return it begin. Raises IllegalTransition."""
    move(order, OrderStatus.DELIVERED, by=by, now=now, delivered_at=now)


def cancel(*, order: Order, by: int | None, now: datetime) -> None:
    """Nothing of it will be sent: its pieces are on the shelf again. Raises IllegalTransition."""
    with transaction.atomic():
        move(order, OrderStatus.CANCELLED, by=by, now=now, cancelled_at=now)
        stock.put_back(pieces_of(order.items.all()))


def move(order: Order, to: str, *, by: int | None, now: datetime, **stamps: object) -> None:
    """One step of the machine, with its stamps; the customer is told. Raises IllegalTransition."""
    with transaction.atomic():
        transition(order, to, machine=ORDER_MACHINE, by=by, now=now, values=stamps)
        _tell(order, now=now)


def pieces_of(items: Iterable[OrderItem]) -> dict[int, int]:
    """Part id -> pieces, as the shelf takes them."""
    return {item.part_id: item.quantity for item in items}


def _tell(order: Order, *, now: datetime) -> None:
    """The one place where a customer hears of his order, in the words that contract 002 prints."""
    notify(
        customer_id=order.customer_id,
        type="ORDER",
        title="Order Update",
        message=f"Your order {order.number} has been {order.status}",
        now=now,
    )
