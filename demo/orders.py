"""Create repair orders in any status, with lines at catalogue prices and timestamps that fit the status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from common.domain.numbers import draw
from demo.garage import Garage
from demo.numbering import continue_after, create
from repair_orders.changes import changing
from repair_orders.discounts.actions import take_discounts
from repair_orders.estimates.actions import Answerer, answer, store_estimate
from repair_orders.estimates.models import Answer, Method
from repair_orders.jobs import fill
from repair_orders.models import Job, JobStatus, PartLine, RepairOrder, RepairOrderStatus, ServiceLine
from repair_orders.queries import totals_of
from vehicles.models import Vehicle

# The timestamps of an order in each status.
_TIMESTAMPS = {
    RepairOrderStatus.REQUESTED: (),
    RepairOrderStatus.PENDING: ("estimated_at",),
    RepairOrderStatus.APPROVED: ("estimated_at", "approved_at"),
    RepairOrderStatus.DENIED: ("estimated_at", "denied_at"),
    RepairOrderStatus.IN_PROGRESS: ("estimated_at", "approved_at", "started_at"),
    RepairOrderStatus.COMPLETED: ("estimated_at", "approved_at", "started_at", "completed_at"),
}


@dataclass(frozen=True)
class OrderRow:
    """One order: parts as (short name, quantity), services by short name, money as text.

    `number` and `first_lines` are ids that a contract prints: of the order, and of its first part and service line.
    """

    vehicle: Vehicle
    status: str
    created_at: datetime
    notes: str
    parts: Iterable[tuple[str, int]] = ()
    services: Iterable[str] = ()
    description: str = ""
    discount_amount: str = "0.00"
    discount_percent: str = "0.00"
    tax_percent: str = "8.25"
    number: int | None = None
    first_lines: tuple[int, int] | tuple[None, None] = (None, None)


def create_order(row: OrderRow, garage: Garage) -> RepairOrder:
    """Create one order with its lines, and store the total of a completed order."""
    timestamps = {
        name: row.created_at + timedelta(hours=2 * step)
        for step, name in enumerate(_TIMESTAMPS[RepairOrderStatus(row.status)], start=1)
    }
    order = create(
        RepairOrder,
        row.number,
        customer_id=row.vehicle.customer_id,
        vehicle=row.vehicle,
        location=garage.location,
        description=row.description,
        notes=row.notes,
        discount_amount=Decimal(row.discount_amount),
        discount_percent=Decimal(row.discount_percent),
        tax_percent=Decimal(row.tax_percent),
        created_at=row.created_at,
        **timestamps,
    )
    order.number = draw(f"repair_order:{garage.location.pk}")
    order.save(update_fields=["number"])
    take_discounts(order, by=None, now=row.created_at)
    _create_lines(order, row, garage)
    if order.given_discount is not None:
        with changing(order):
            pass  # settles the discount of a member
    if row.status != RepairOrderStatus.REQUESTED:
        _answer(order, row.status)
    return order


def _create_lines(order: RepairOrder, row: OrderRow, garage: Garage) -> None:
    """Create one job with the parts and services of the row."""
    part_line, service_line = row.first_lines
    parts = [(garage.parts[name], Decimal(quantity)) for name, quantity in row.parts]
    services = [garage.services[name] for name in row.services]
    names = [*(service.name for service in services), *(part.name for part, _ in parts), "Repair"]
    job = Job.objects.create(repair_order=order, position=1, name=names[0], concern=row.description)
    for part, quantity in parts:
        line: PartLine | ServiceLine = PartLine(part=part, quantity=quantity, job=job, repair_order=order)
        _store(line, part_line)
        part_line = None
    for service in services:
        line = ServiceLine(service=service, job=job, repair_order=order)
        _store(line, service_line)
        service_line = None


def _store(line: PartLine | ServiceLine, number: int | None) -> None:
    """Store a line as the catalogue sells it, with the printed id `number` or the next free one."""
    fill(line, line.repair_order, is_typed=False)
    line.pk = number
    line.save(force_insert=True)
    if number is not None:
        continue_after(type(line))


def _answer(order: RepairOrder, status: str) -> None:
    """Send the estimate of an order, answer it and move the order on to `status`, at the times of its columns."""
    stamps = (order.estimated_at, order.approved_at or order.denied_at or order.estimated_at)
    sent_at, answered_at = (stamp or order.created_at for stamp in stamps)
    order.status = RepairOrderStatus.PENDING
    order.save(update_fields=["status"])
    estimate = store_estimate(order=order, by=None, now=sent_at)
    if status == RepairOrderStatus.PENDING:
        return
    decision = Answer.DECLINED if status == RepairOrderStatus.DENIED else Answer.APPROVED
    answer(
        estimate=estimate,
        decisions={job.pk: decision for job in order.jobs.all()},
        answerer=Answerer(Method.IN_PERSON, by_name=order.customer.name),
        now=answered_at,
    )
    order.status = status
    if status == RepairOrderStatus.COMPLETED:
        order.jobs.update(status=JobStatus.DONE)
        order.total_cost, order.is_credited = totals_of(order).total, True
    order.save(update_fields=["status", "total_cost", "is_credited"])
