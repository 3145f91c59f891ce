"""The life of a repair order: requested, estimated, approved or denied, worked on, completed.

Lines change only while the customer has not said his word. Every verb that reads the total locks the order
first, so that what is approved or frozen is what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.referrals import credit_referrals
from catalogue.models import Part, Service
from common.domain.caller import Caller
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.transitions import refusal, transition
from customers.actions import count_service, notify
from customers.models import Customer, CustomerUser
from files.actions import attach
from repair_orders.models import (
    LINES_MAY_CHANGE,
    REPAIR_ORDER_MACHINE,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    RepairPhoto,
    ServiceLine,
)
from repair_orders.queries import totals_of
from vehicles.actions import check_in_use
from vehicles.models import Vehicle

Line = PartLine | ServiceLine
LARGEST_TOTAL = Decimal("99999999.99")
TERMS = {"discount_amount", "discount_percent", "tax_percent"}
# What each step asks for, at every door.
PERMISSIONS = {
    "estimate": "repair_orders.estimate_repairorder",
    "approve": "repair_orders.decide_repairorder",
    "deny": "repair_orders.decide_repairorder",
    "start": "repair_orders.work_repairorder",
    "complete": "repair_orders.work_repairorder",
}


class LinesAreFixed(DomainError):
    """The customer has said his word on these lines; extra work needs a new estimate."""

    code = "lines_are_fixed"
    title = "Not possible in this state"
    message = "Lines can change only while the order is requested or pending."


class StaleTotal(DomainError):
    """What the customer wants to approve is not what the order costs now. `total` is the present one."""

    code = "stale_total"
    title = "The estimate has changed"
    message = "The estimate has changed since it was shown. Look at the new total and approve that."


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The order would cost more than {LARGEST_TOTAL}."


class PhotoIsTaken(DomainError):
    code = "photo_is_taken"
    title = "Photo is taken"
    message = "This photo belongs to another request."


def request_repair(
    *,
    customer: Customer,
    vehicle: Vehicle,
    description: str,
    now: datetime,
    photos: Sequence[UUID] = (),
    by: Caller | None = None,
    **terms: Any,
) -> RepairOrder:
    """A customer says what is wrong with one of his vehicles in use. `photos`: uuids of uploads of `by`, the acting
    login; an upload belongs to one request. `terms`: notes, discounts, tax percent.

    Raises VehicleNotOfCustomer, PhotoIsTaken, and what `files.actions.attach` raises.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    # Looking at a stored file may take a while: before anything is locked.
    uploads = attach(caller=by, upload_ids=photos, now=now) if by and photos else []
    try:
        with transaction.atomic():
            order = RepairOrder.objects.create(
                customer=customer, vehicle=vehicle, description=description, created_at=now, **terms
            )
            RepairPhoto.objects.bulk_create(
                RepairPhoto(repair_order=order, upload=upload) for upload in uploads
            )
    except IntegrityError as error:
        if RepairPhoto.objects.filter(upload__in=uploads).exists():
            raise PhotoIsTaken(field="photos") from error
        raise
    return order


def add_part(*, order: RepairOrder, part: Part, quantity: int = 1) -> PartLine:
    """Sell a part at today's price. Raises LinesAreFixed, TotalTooLarge."""
    line = PartLine(repair_order=order, part=part, quantity=quantity)
    change_lines(order=order, save=[line])
    return line


def add_service(*, order: RepairOrder, service: Service) -> ServiceLine:
    """Sell a service at today's price. Raises LinesAreFixed, TotalTooLarge."""
    line = ServiceLine(repair_order=order, service=service)
    change_lines(order=order, save=[line])
    return line


def remove_line(*, order: RepairOrder, model: type[PartLine] | type[ServiceLine], line_id: int) -> None:
    """Take one of its lines off an order. Raises Missing, LinesAreFixed."""
    with transaction.atomic():
        _lock(order)  # first: of two who take the same line off, the second finds none
        line = model._default_manager.filter(repair_order=order, pk=line_id).first()
        if line is None:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize())
        change_lines(order=order, remove=[line])


def change_lines(*, order: RepairOrder, save: Iterable[Line] = (), remove: Iterable[Line] = ()) -> None:
    """Write lines and take others off, all or none. What a line leaves empty it takes from the catalogue.

    Raises LinesAreFixed, TotalTooLarge.
    """
    with transaction.atomic():
        _lock_for_lines(order)
        for line in remove:
            line.delete()
        for line in save:
            _fill_from_catalogue(line)
            line.save()
        _refuse_too_large(order)


def change_order(*, order: RepairOrder, **fields: Any) -> None:
    """Change words at any time, and discounts and tax while the lines may change.

    Raises LinesAreFixed, TotalTooLarge.
    """
    with transaction.atomic():
        _lock(order)
        if TERMS & set(fields) and order.status not in LINES_MAY_CHANGE:
            raise LinesAreFixed
        for name, value in fields.items():
            setattr(order, name, value)
        order.save(update_fields=list(fields))
        _refuse_too_large(order)


def send_estimate(*, order: RepairOrder, by: int | None, now: datetime, notes: str | None = None) -> None:
    """Ask the customer for his word on the lines as they are; also again, and for extra work on an approved order.

    Raises IllegalTransition.
    """
    values = {} if notes is None else {"notes": notes}
    with transaction.atomic():
        _lock(order)
        _move(order, RepairOrderStatus.PENDING, by=by, now=now, estimated_at=now, approved_at=None, **values)
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Estimate ready",
            message=f"The estimate for repair order {order.pk} is {totals_of(order).total}. Please approve or deny it.",
            now=now,
        )


def approve(*, order: RepairOrder, by: int | None, now: datetime, total: Decimal | None = None) -> None:
    """The customer's yes. With `total`, only to exactly that amount.

    Raises StaleTotal with the present total, IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        present = totals_of(order).total
        if order.status == RepairOrderStatus.PENDING and total is not None and total != present:
            raise StaleTotal(total=present)
        _move(order, RepairOrderStatus.APPROVED, by=by, now=now, approved_at=now)


def deny(*, order: RepairOrder, by: int | None, now: datetime, reason: str = "") -> None:
    """The customer's no, or the shop's to a request. Raises IllegalTransition."""
    _move(order, RepairOrderStatus.DENIED, by=by, now=now, denied_at=now, denial_reason=reason)


def refuse_estimate(*, order: RepairOrder, by: int | None, now: datetime, reason: str = "") -> None:
    """The customer's no to an estimate; a request that has none yet is the shop's to deny.

    Raises IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        if order.status != RepairOrderStatus.PENDING:
            raise refusal(order, RepairOrderStatus.DENIED)
        deny(order=order, by=by, now=now, reason=reason)


def start(*, order: RepairOrder, by: int | None, now: datetime) -> None:
    """Work begins. Raises IllegalTransition."""
    _move(order, RepairOrderStatus.IN_PROGRESS, by=by, now=now, started_at=now)


def complete(*, order: RepairOrder, by: int | None, now: datetime) -> None:
    """Work is done: the total is frozen, the service counted, the customer told, whoever brought him rewarded.

    Raises IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        _move(
            order,
            RepairOrderStatus.COMPLETED,
            by=by,
            now=now,
            completed_at=now,
            total_cost=totals_of(order).total,
        )
        count_service(customer_id=order.customer_id, now=now)
        _reward_for_the_first(order, by=by, now=now)
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Repair completed",
            message=f"Repair order {order.pk} is completed. Your total is {order.total_cost}.",
            now=now,
        )


def _reward_for_the_first(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Whoever brought this customer's people is rewarded when their first repair is completed."""
    completed = RepairOrder.objects.filter(customer_id=order.customer_id, status=RepairOrderStatus.COMPLETED)
    if not completed.exclude(pk=order.pk).exists():
        logins = CustomerUser.objects.filter(customer_id=order.customer_id)
        credit_referrals(friends=logins.values_list("user_id", flat=True), by=by, now=now)


def _lock(order: RepairOrder) -> None:
    order.refresh_from_db(from_queryset=RepairOrder.objects.select_for_update())


def _lock_for_lines(order: RepairOrder) -> None:
    _lock(order)
    if order.status not in LINES_MAY_CHANGE:
        raise LinesAreFixed


def _fill_from_catalogue(line: Line) -> None:
    """Today's price and taxability, where nothing else was agreed; from then on the line keeps them."""
    sold: Part | Service = line.part if isinstance(line, PartLine) else line.service
    price = "unit_price" if isinstance(line, PartLine) else "labor_cost"
    for name in (price, "taxable"):
        if getattr(line, name) is None:
            setattr(line, name, getattr(sold, name))


def _refuse_too_large(order: RepairOrder) -> None:
    figures = totals_of(order)
    if max(figures.subtotal, figures.total) > LARGEST_TOTAL:
        raise TotalTooLarge(field="quantity")


def _move(order: RepairOrder, to: str, *, by: int | None, now: datetime, **values: object) -> None:
    transition(order, to, machine=REPAIR_ORDER_MACHINE, by=by, now=now, values=values)
