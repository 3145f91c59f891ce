"""Actions of an order: place, confirm, pack, ship and deliver it, or cancel it before it is shipped.

Placing an order reserves its pieces, and shipping issues them. An order that is not paid in time expires: it is
cancelled, and its pieces are released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from catalogue.models import Part
from catalogue.shelf import actions as shelf
from common.domain import events
from common.domain.errors import DomainError, IllegalTransition, Invalid, Missing, NoCustomerRecord
from common.domain.money import PaymentMethod
from common.domain.transitions import Machine, transition
from customers.actions import hold_customer, notify
from customers.models import Customer
from orders import till
from orders.models import MAX_PIECES, ORDER_MACHINE, Order, OrderItem, OrderStatus
from orders.queries import count_unpaid_pieces

MAX_TOTAL = Decimal("99999999.99")
# The permission that each action requires, in the admin and in the API.
PERMISSIONS = dict.fromkeys(("confirm", "pack", "ship", "deliver", "cancel"), "orders.move_order")


class TooManyPieces(Invalid):
    code = "too_many_pieces"
    message = f"An order takes at most {MAX_PIECES:,} pieces of a product."


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The order's total would exceed the maximum of {MAX_TOTAL}."


# Customers can cancel, and orders expire, only before they are paid.
_UNPAID_MACHINE: Machine = {OrderStatus.PLACED: frozenset({OrderStatus.CANCELLED})}
_BATCH = 100  # orders that expire in one transaction


class TooManyUnpaidPieces(DomainError):
    """The unpaid orders of one customer would hold more pieces than `UNPAID_PIECES`."""

    code = "too_many_unpaid_pieces"
    title = "Too many unpaid pieces"


class OrderExpired(DomainError):
    """The order was not paid in time, so that it cannot be confirmed any more."""

    code = "order_expired"
    title = "Order expired"


def place_order(*, customer_id: int, items: Iterable[tuple[int, int]], now: datetime) -> Order:
    """Create an order of parts that are sold online at today's prices, and reserve its pieces.

    `items` are (part id, pieces) pairs, at least one. A part that is listed twice becomes one line with the sum of its
    pieces. Orders that have expired release their pieces if too few are available. Raises Missing, NotEnoughStock,
    TooManyPieces, TotalTooLarge, TooManyUnpaidPieces, CustomerIsMerged. An order that is refused reserves nothing.
    """
    pieces: Counter[int] = Counter()
    for part_id, quantity in items:
        pieces[part_id] += quantity
    if max(pieces.values()) > MAX_PIECES:
        raise TooManyPieces(field="items")
    with transaction.atomic():
        try:
            return _place(customer_id, pieces, now=now)
        except shelf.NotEnoughStock:
            held = Order.objects.expired(now).filter(items__part__in=pieces.keys()).distinct()
            if not _expire(list(held.order_by("id")[:_BATCH]), now=now, parts=pieces.keys()):
                raise
            return _place(customer_id, pieces, now=now)


def _place(customer_id: int, pieces: Mapping[int, int], *, now: datetime) -> Order:
    with transaction.atomic():
        by_id = _lock_available(pieces)
        if sum(part.unit_price * pieces[part.pk] for part in by_id.values()) > MAX_TOTAL:
            raise TotalTooLarge(field="items")
        _check_unpaid(customer_id, sum(pieces.values()), now=now)
        order = Order.objects.create(
            customer_id=customer_id,
            created_at=now,
            expires_at=now + timedelta(hours=settings.UNPAID_ORDER_HOURS),
        )
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
        shelf.reserve(source=order.source, pieces=pieces, all_or_nothing=True, by=None, now=now)
        events.record("orders.order.created", order, at=now)
        _notify(order, now=now)
    return order


def _lock_available(pieces: Mapping[int, int]) -> dict[int, Part]:
    """Lock the parts, so that their prices cannot change. Raises Missing and NotEnoughStock, which name the part."""
    parts = {part.pk: part for part in shelf.lock_parts(pieces)}
    for part_id in sorted(pieces):
        part = parts.get(part_id)
        if part is None or not (part.is_listed and part.is_sold_online):
            raise Missing(f"Product {part_id} not found.")
        shelf.check_available([part], pieces)
    return parts


def _check_unpaid(customer_id: int, more: int, *, now: datetime) -> None:
    """Raise TooManyUnpaidPieces if a customer's unpaid orders would hold too many pieces with `more`.

    The customer is locked, so that parallel orders are counted one after the other.
    """
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if customer is None:
        raise NoCustomerRecord
    hold_customer(customer)
    held, most = count_unpaid_pieces(customer_id, now), settings.UNPAID_PIECES
    if held + more > most:
        raise TooManyUnpaidPieces(
            f"Unpaid orders of a customer can hold at most {most:,} pieces. Yours hold {held:,}, and this order has "
            f"{more:,}. Pay or cancel an order first, or order fewer."
        )


def confirm(
    *,
    order: Order,
    by: int | None,
    now: datetime,
    method: str = PaymentMethod.OTHER,
    reference: str = "",
) -> None:
    """Record that the order is paid for, and book one payment of its total. Raises OrderExpired, IllegalTransition."""
    with transaction.atomic():
        mark_paid(order=order, by=by, now=now)
        till.paid(order, total_of(order), method=method, reference=reference, by=by, now=now)


def mark_paid(*, order: Order, by: int | None, now: datetime) -> None:
    """Confirm an order whose payment is booked elsewhere in the same transaction. Raises as `confirm` does.

    Confirming and expiring are conditional on `placed`, so that one of the two wins.
    """
    order.refresh_from_db()
    if order.status == OrderStatus.PLACED and order.expires_at <= now:
        raise OrderExpired(
            f"This order expired at {order.expires_at:%Y-%m-%d %H:%M} UTC, because it was not paid."
        )
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
    """Record that a courier has the parcel, and issue its pieces. Raises IllegalTransition, PartNeeded."""
    with transaction.atomic():
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
        shelf.issue(source=order.source, by=by, now=now)


def deliver(*, order: Order, by: int | None, now: datetime) -> None:
    """Record the delivery, which starts the 30 days for returns. Raises IllegalTransition."""
    move(order, OrderStatus.DELIVERED, by=by, now=now, delivered_at=now)


def cancel(*, order: Order, by: int | None, now: datetime, machine: Machine = ORDER_MACHINE) -> None:
    """Cancel the order, release its pieces, and give back what was paid. Raises IllegalTransition."""
    with transaction.atomic():
        move(order, OrderStatus.CANCELLED, by=by, now=now, machine=machine, cancelled_at=now)
        shelf.release(source=order.source, by=by, now=now)
        if order.confirmed_at is not None:
            reason = f"Parts order {order.number} cancelled"
            till.given_back(order, total_of(order), reason=reason, by=by, now=now)


def cancel_unpaid(*, order: Order, by: int | None, now: datetime) -> None:
    """Cancel an order for the customer, before it is paid. Raises IllegalTransition."""
    cancel(order=order, by=by, now=now, machine=_UNPAID_MACHINE)


def expire_unpaid(*, now: datetime, customer_id: int | None = None) -> int:
    """Cancel the orders that were not paid in time, of one customer or of all, and return their number."""
    orders = Order.objects.expired(now).order_by("id")
    if customer_id is not None:
        orders = orders.filter(customer=customer_id)
    number = 0
    while batch := list(orders[:_BATCH]):
        number += _expire(batch, now=now)
    return number


def _expire(orders: list[Order], *, now: datetime, parts: Collection[int] = ()) -> int:
    """Cancel those of the orders that are still unpaid, and return their number.

    Their pieces are released in one step, because parts are locked in the order of their ids. `parts` are further parts
    that the transaction goes on to lock.
    """
    expired: list[Order] = []
    with transaction.atomic():
        for order in orders:
            try:
                move(
                    order, OrderStatus.CANCELLED, by=None, now=now, machine=_UNPAID_MACHINE, cancelled_at=now
                )
            except IllegalTransition:  # paid or cancelled meanwhile
                continue
            expired.append(order)
        sources = [order.source for order in expired]
        if expired and parts:
            shelf.lock_parts(parts, sources=sources)
        shelf.release_all(sources=sources, by=None, now=now)
    return len(expired)


def move(
    order: Order,
    to: str,
    *,
    by: int | None,
    now: datetime,
    machine: Machine = ORDER_MACHINE,
    **stamps: object,
) -> None:
    """Move the order to `to`, set its timestamps and notify the customer. Raises IllegalTransition."""
    with transaction.atomic():
        transition(order, to, machine=machine, by=by, now=now, values=stamps)
        _notify(order, now=now)


def total_of(order: Order) -> Decimal:
    """Return the sum of the order's items in dollars."""
    return sum((item.subtotal for item in order.items.all()), Decimal("0.00"))


def pieces_of(items: Iterable[OrderItem]) -> dict[int, int]:
    """Return the items as the shelf takes them: part id -> pieces."""
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
