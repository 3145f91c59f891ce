"""Give discounts on an order, take them off, and give back what an order did not take (docs/design, D135).

Whether a plan, an offer or points may be used is decided by the room that owns them. It calls these verbs.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from common.domain import events
from common.domain.database import violates
from common.domain.errors import DomainError, Missing
from common.domain.money import to_cents
from common.domain.transitions import write_history
from repair_orders.changes import changing
from repair_orders.discounts import sources
from repair_orders.discounts.rule import DiscountKind
from repair_orders.jobs import LinesAreFixed
from repair_orders.models import OPEN_STATUSES, OrderDiscount, RepairOrder, RepairOrderStatus

ZERO = Decimal("0.00")


class DiscountGiven(DomainError):
    """An order has at most one discount of a plan, one of an offer and one of points."""

    code = "discount_given"
    title = "Discount already given"

    def __init__(self, kind: str) -> None:
        super().__init__(f"This order has a discount of this kind already: {kind}. Take it off first.")


class DiscountNotFound(Missing):
    code = "discount_not_found"
    message = "Discount not found"


def give_discount(
    *, order: RepairOrder, discount: OrderDiscount, by: int | None, now: datetime, version: int | None = None
) -> OrderDiscount:
    """Store a discount of an open order and settle its figures. A discount never raises a total.

    Raises DiscountGiven, LinesAreFixed, StaleVersion.
    """
    with changing(order, version=version, by=by, now=now):
        if order.status not in OPEN_STATUSES:
            raise LinesAreFixed
        _store(order, discount, by=by, now=now)
        write_history(order, by=by, now=now, why=f"discount given: {discount.name}")
    discount.refresh_from_db()
    return discount


def take_discounts(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Store the discounts that a new order takes, in the transaction that makes it. It has no lines yet."""
    for discount in sources.find_for(order, now=now):
        _store(order, discount, by=by, now=now)


def _store(order: RepairOrder, discount: OrderDiscount, *, by: int | None, now: datetime) -> None:
    discount.repair_order, discount.given_by_id, discount.given_at = order, by, now
    try:
        with transaction.atomic():
            discount.save(force_insert=True)
    except IntegrityError as error:
        if violates(error, OrderDiscount, "discount_kind_once_an_order"):
            raise DiscountGiven(discount.kind) from error
        raise
    events.record("repair_orders.orderdiscount.created", discount, at=now, kind=discount.kind)
    if order.given_discount is None:
        RepairOrder.objects.filter(pk=order.pk).update(given_discount=ZERO)
        order.given_discount = ZERO


def take_off(
    *, order: RepairOrder, discount_id: int, by: int | None, now: datetime, version: int | None = None
) -> None:
    """Take a discount off an open order. Points that were spent for it go back to the member.

    Raises DiscountNotFound, LinesAreFixed, OverCeiling, StaleVersion.
    """
    with changing(order, version=version, by=by, now=now):
        discount = OrderDiscount.objects.filter(repair_order=order, pk=discount_id).first()
        if discount is None:
            raise DiscountNotFound
        if order.status not in OPEN_STATUSES:
            raise LinesAreFixed
        sources.give_back(discount, points=discount.points or 0, by=by, now=now)
        events.record("repair_orders.orderdiscount.removed", discount, at=now, kind=discount.kind)
        discount.delete()
        write_history(order, by=by, now=now, why=f"discount taken off: {discount.name}")


def release(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Release the discounts of an order that was denied: points go back, and an offer can be redeemed again.

    The rows stay, so that the order still shows what was asked.
    """
    if order.given_discount is None or order.status != RepairOrderStatus.DENIED:
        return
    for discount in OrderDiscount.objects.filter(repair_order=order, released_at=None).in_order():
        sources.give_back(discount, points=discount.points or 0, by=by, now=now)
        OrderDiscount.objects.filter(pk=discount.pk).update(released_at=now)


def give_back_rest(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Give back the points that a completed order did not take, in whole points."""
    if order.given_discount is None:
        return
    for discount in OrderDiscount.objects.filter(repair_order=order, kind=DiscountKind.POINTS, points__gt=0):
        assert discount.points is not None  # a constraint
        used = -(-to_cents(discount.amount) * discount.points // to_cents(discount.off_amount))
        if used < discount.points:
            sources.give_back(discount, points=discount.points - used, by=by, now=now)
            worth = discount.off_amount / discount.points * used
            OrderDiscount.objects.filter(pk=discount.pk).update(
                points=used, off_amount=worth, name=f"{used} points"
            )
