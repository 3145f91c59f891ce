"""Lock an order, change its jobs, lines or terms, and settle what follows (docs/design, D76).

What follows is in one place: the version, what the customer sees, the fees, and the ceiling that the customer set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from catalogue.models import Service
from catalogue.placeholders import typed_service
from common.domain.errors import DomainError, Invalid
from common.domain.money import to_dollars
from common.domain.types import Json
from repair_orders.discounts.rule import Given
from repair_orders.models import (
    OrderDiscount,
    PartLine,
    RepairOrder,
    ServiceKind,
    ServiceLine,
)
from repair_orders.money import Totals
from repair_orders.parts import follow_jobs
from repair_orders.pricing.models import OverrunBasis
from repair_orders.pricing.terms import OverrunTerms, figure_of
from repair_orders.recommended import follow_answers
from repair_orders.worksheet import Fee, Worksheet
from vehicles.locks import lock_in_use

LARGEST_TOTAL = Decimal("99999999.99")


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The total of a repair order can be at most {LARGEST_TOTAL}."


class StaleVersion(DomainError):
    """The caller saw another version of the order. `version` is the present one."""

    code = "stale_version"
    title = "The order has changed"
    message = "The order has changed since you saw it. Look at it again."


class OverCeiling(DomainError):
    """The approved jobs would come to more than the customer authorised. The facts are dollars."""

    code = "over_ceiling"
    title = "Over the authorised amount"

    def __init__(self, ceiling: Decimal, attempted: Decimal) -> None:
        super().__init__(
            f"This would make {attempted}. The customer authorised work up to {ceiling}. Send a revised estimate.",
            ceiling=str(ceiling),
            attempted=str(attempted),
            delta=str(attempted - ceiling),
        )


def lock(order: RepairOrder) -> None:
    """Lock an order until the transaction ends, and read it again."""
    order.refresh_from_db(from_queryset=RepairOrder.objects.select_for_update(no_key=True))


@contextmanager
def at_version(order: RepairOrder, version: int, *, with_vehicle: bool = False) -> Iterator[None]:
    """Lock the order for a block that was decided on this version of it. Raises StaleVersion.

    A block that reads the odometer locks the order `with_vehicle`, because vehicles are locked before orders (D25).
    """
    with transaction.atomic():
        if with_vehicle:
            lock_in_use(order.vehicle)
        lock(order)
        if version != order.version:
            raise StaleVersion(version=order.version)
        yield


@contextmanager
def changing(
    order: RepairOrder, *, version: int | None = None, by: int | None = None, now: datetime | None = None
) -> Iterator[Worksheet]:
    """Lock the order and yield its worksheet. When the block ends, settle what follows from its changes.

    With `version`, the order must still have it. `by` and `now` are those of moves on the shelf, which changes of
    approved jobs need. Raises StaleVersion, OverCeiling, TotalTooLarge, WholePieces.
    """
    with transaction.atomic():
        lock(order)
        if version is not None and version != order.version:
            raise StaleVersion(version=order.version)
        before = Worksheet.of(order)
        yield before
        settle(order, before, by=by, now=now)


def settle(
    order: RepairOrder, before: Worksheet, *, by: int | None = None, now: datetime | None = None
) -> Worksheet:
    """Write what follows from a change of the locked order.

    That is its version, fees and the amount of the agreed work, what the customer sees, the parts that the shelf
    keeps, and the vehicle's recommendations. Return the worksheet after the change. Raises OverCeiling, TotalTooLarge,
    WholePieces.
    """
    after = Worksheet.of(order)
    _check_size(after.figures(after.counted).totals)
    values: Json = {}
    if after.asked != before.asked:
        values["version"] = order.version + 1
    work = figure_of(after.figures(after.agreed).totals, basis_of(order))
    if order.ceiling is not None and work > order.ceiling:
        raise OverCeiling(order.ceiling, work)
    values["work_amount"] = work
    shown = after.shown
    figures = after.figures(shown)
    _write_fees(order, figures.fees)
    values["given_discount"] = _write_discounts(figures.given)
    _mark_shown(order, shown)
    _write(order, values)
    if now is not None:
        follow_jobs(before, after, by=by, now=now)
    follow_answers(order, before, after)
    return after


def basis_of(order: RepairOrder) -> str:
    """Return the basis of the order's ceiling: the total without an overrun policy."""
    policy = OverrunTerms.read(order.overrun_terms)
    return policy.basis if policy else OverrunBasis.TOTAL


def _write(order: RepairOrder, values: Json) -> None:
    changed = {name: value for name, value in values.items() if getattr(order, name) != value}
    if changed:
        RepairOrder.objects.filter(pk=order.pk).update(**changed)
        for name, value in changed.items():
            setattr(order, name, value)


def _check_size(figures: Totals) -> None:
    if max(figures.subtotal, figures.total) > LARGEST_TOTAL:
        raise TotalTooLarge(field="quantity")


def _mark_shown(order: RepairOrder, shown: Collection[int]) -> None:
    """Mark the lines of the jobs that count for the customer, and no others. Fees are written with their jobs."""
    for model in (PartLine, ServiceLine):
        lines = model._default_manager.filter(repair_order=order, job__isnull=False)
        lines.filter(job__in=shown, is_shown=False).update(is_shown=True)
        lines.filter(is_shown=True).exclude(job__in=shown).update(is_shown=False)


def _write_discounts(given: Collection[Given]) -> Decimal | None:
    """Store what each discount row takes off what the customer counts. Return the sum, None without rows."""
    for row in given:
        amount = to_dollars(row.cents)
        OrderDiscount.objects.filter(pk=row.terms.id).exclude(amount=amount).update(amount=amount)
    return to_dollars(sum(row.cents for row in given)) if given else None


def _write_fees(order: RepairOrder, fees: tuple[Fee, ...]) -> None:
    stored = {line.fee_position: line for line in ServiceLine.objects.filter(repair_order=order, job=None)}
    if not stored and not fees:
        return
    wanted = {fee.position: fee for fee in fees}
    for position, line in stored.items():
        fee = wanted.pop(position or 0, None)
        if fee is None:
            line.delete()
        elif (line.amount, line.name, line.taxable) != (to_dollars(fee.cents), fee.name, fee.taxable):
            line.amount, line.name, line.taxable = to_dollars(fee.cents), fee.name, fee.taxable
            line.save()
    if not wanted:
        return
    found = Service.objects.filter(is_placeholder=True).values_list("pk", flat=True).first()
    service_id = found or typed_service().pk
    for fee in wanted.values():
        ServiceLine.objects.create(
            repair_order=order,
            service_id=service_id,
            kind=ServiceKind.FEE,
            name=fee.name,
            amount=to_dollars(fee.cents),
            taxable=fee.taxable,
            fee_position=fee.position,
        )
