"""Create and change repair orders and their lines, and move them through their states.

Lines can change only until the customer approves or denies the estimate. An action that reads the total locks the
order first, so that the approved or stored total is the total that was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
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
    EDITABLE_STATUSES,
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
# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "estimate": "repair_orders.estimate_repairorder",
    "approve": "repair_orders.decide_repairorder",
    "deny": "repair_orders.decide_repairorder",
    "start": "repair_orders.work_repairorder",
    "complete": "repair_orders.work_repairorder",
}


class LinesAreFixed(DomainError):
    """The customer has approved or denied the lines. Extra work needs a new estimate."""

    code = "lines_are_fixed"
    title = "Not possible in this state"
    message = "Lines can change only while the order is requested or pending."


class StaleTotal(DomainError):
    """The approved total is not the order's current total, which is the fact `total`."""

    code = "stale_total"
    title = "The estimate has changed"
    message = "The estimate has changed since it was shown. Look at the new total and approve that."


class TotalTooLarge(Invalid):
    code = "total_too_large"
    message = f"The total of a repair order can be at most {LARGEST_TOTAL}."


class PhotoIsTaken(DomainError):
    code = "photo_is_taken"
    title = "Photo already used"
    message = "This photo belongs to another repair order. Upload it again to use it here."


def request_repair(
    *,
    customer: Customer,
    vehicle: Vehicle,
    description: str,
    now: datetime,
    photos: Sequence[UUID] = (),
    by: Caller | None = None,
    **terms: object,
) -> RepairOrder:
    """Create a requested repair order for one of the customer's vehicles in use.

    `photos` are UUIDs of uploads of `by`, the acting login. An upload belongs to one repair order. `terms` are notes,
    discounts and the tax percentage. Raises VehicleNotOfCustomer, PhotoIsTaken and the errors of
    `files.actions.attach`.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    # The check of stored files may be slow, so it runs before the transaction.
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
    """Add a part to an order at its catalogue price. Raises LinesAreFixed, TotalTooLarge."""
    line = PartLine(repair_order=order, part=part, quantity=quantity)
    change_lines(order=order, save=[line])
    return line


def add_service(*, order: RepairOrder, service: Service) -> ServiceLine:
    """Add a service to an order at its catalogue price. Raises LinesAreFixed, TotalTooLarge."""
    line = ServiceLine(repair_order=order, service=service)
    change_lines(order=order, save=[line])
    return line


def remove_line(*, order: RepairOrder, model: type[PartLine] | type[ServiceLine], line_id: int) -> None:
    """Remove a line from an order. Raises Missing, LinesAreFixed."""
    with transaction.atomic():
        _lock(order)  # before the line is read: of two parallel removals the second finds no line
        line = model._default_manager.filter(repair_order=order, pk=line_id).first()
        if line is None:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize())
        change_lines(order=order, remove=[line])


def change_lines(*, order: RepairOrder, save: Iterable[Line] = (), remove: Iterable[Line] = ()) -> None:
    """Save and delete lines in one transaction. An empty price or taxability is filled from the catalogue.

    Raises LinesAreFixed, TotalTooLarge.
    """
    with transaction.atomic():
        _lock_editable(order)
        for line in remove:
            line.delete()
        for line in save:
            _fill_from_catalogue(line)
            line.save()
        _check_total(order)


def change_order(*, order: RepairOrder, **fields: object) -> None:
    """Change the texts of an order at any time, and its discounts and tax while its lines can change.

    Raises LinesAreFixed, TotalTooLarge.
    """
    with transaction.atomic():
        _lock(order)
        if TERMS & set(fields) and order.status not in EDITABLE_STATUSES:
            raise LinesAreFixed
        for name, value in fields.items():
            setattr(order, name, value)
        order.save(update_fields=list(fields))
        _check_total(order)


def send_estimate(*, order: RepairOrder, by: int | None, now: datetime, notes: str | None = None) -> None:
    """Send the customer an estimate of the current lines.

    An estimate can be sent again, and for extra work on an approved order. Raises IllegalTransition.
    """
    values = {} if notes is None else {"notes": notes}
    with transaction.atomic():
        _lock(order)
        _set_status(
            order, RepairOrderStatus.PENDING, by=by, now=now, estimated_at=now, approved_at=None, **values
        )
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Estimate ready",
            message=f"The estimate for repair order {order.pk} is {totals_of(order).total}. Please approve or deny it.",
            now=now,
        )


def approve(*, order: RepairOrder, by: int | None, now: datetime, total: Decimal | None = None) -> None:
    """Approve the estimate for the customer. With `total`, approve only if the order costs exactly that amount.

    Raises StaleTotal with the current total, IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        current = totals_of(order).total
        if order.status == RepairOrderStatus.PENDING and total is not None and total != current:
            raise StaleTotal(total=current)
        _set_status(order, RepairOrderStatus.APPROVED, by=by, now=now, approved_at=now)


def deny(*, order: RepairOrder, by: int | None, now: datetime, reason: str = "") -> None:
    """Deny an estimate for the customer, or a request for the shop. Raises IllegalTransition."""
    _set_status(order, RepairOrderStatus.DENIED, by=by, now=now, denied_at=now, denial_reason=reason)


def deny_estimate(*, order: RepairOrder, by: int | None, now: datetime, reason: str = "") -> None:
    """Deny an estimate as the customer. A request without an estimate can be denied by the shop only.

    Raises IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        if order.status != RepairOrderStatus.PENDING:
            raise refusal(order, RepairOrderStatus.DENIED)
        deny(order=order, by=by, now=now, reason=reason)


def start(*, order: RepairOrder, by: int | None, now: datetime) -> None:
    """Start the work on an approved order. Raises IllegalTransition."""
    _set_status(order, RepairOrderStatus.IN_PROGRESS, by=by, now=now, started_at=now)


def complete(*, order: RepairOrder, by: int | None, now: datetime) -> None:
    """Complete an order: store its total, count the service and notify the customer.

    The first completed order of a customer also credits the referrals of its logins. Raises IllegalTransition.
    """
    with transaction.atomic():
        _lock(order)
        _set_status(
            order,
            RepairOrderStatus.COMPLETED,
            by=by,
            now=now,
            completed_at=now,
            total_cost=totals_of(order).total,
        )
        count_service(customer_id=order.customer_id, now=now)
        _credit_first_order(order, by=by, now=now)
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Repair completed",
            message=f"Repair order {order.pk} is completed. Your total is {order.total_cost}.",
            now=now,
        )


def _credit_first_order(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Credit the referrals of the customer's logins, if this is the customer's first completed order."""
    completed = RepairOrder.objects.filter(customer_id=order.customer_id, status=RepairOrderStatus.COMPLETED)
    if not completed.exclude(pk=order.pk).exists():
        logins = CustomerUser.objects.filter(customer_id=order.customer_id)
        credit_referrals(friends=logins.values_list("user_id", flat=True), by=by, now=now)


def _lock(order: RepairOrder) -> None:
    order.refresh_from_db(from_queryset=RepairOrder.objects.select_for_update())


def _lock_editable(order: RepairOrder) -> None:
    _lock(order)
    if order.status not in EDITABLE_STATUSES:
        raise LinesAreFixed


def _fill_from_catalogue(line: Line) -> None:
    """Fill an empty price and taxability from the catalogue. The line keeps them from then on."""
    article: Part | Service = line.part if isinstance(line, PartLine) else line.service
    price = "unit_price" if isinstance(line, PartLine) else "labor_cost"
    for name in (price, "taxable"):
        if getattr(line, name) is None:
            setattr(line, name, getattr(article, name))


def _check_total(order: RepairOrder) -> None:
    totals = totals_of(order)
    if max(totals.subtotal, totals.total) > LARGEST_TOTAL:
        raise TotalTooLarge(field="quantity")


def _set_status(order: RepairOrder, to: str, *, by: int | None, now: datetime, **values: object) -> None:
    transition(order, to, machine=REPAIR_ORDER_MACHINE, by=by, now=now, values=values)
