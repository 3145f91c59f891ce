"""Create repair orders in any status, with lines at catalogue prices and timestamps that fit the status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from demo.garage import Garage
from demo.numbering import create
from repair_orders.models import PartLine, RepairOrder, RepairOrderStatus, ServiceLine
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
    # The status is set after the lines, because a constraint requires the total of a completed order and of no other.
    order = create(
        RepairOrder,
        row.number,
        customer_id=row.vehicle.customer_id,
        vehicle=row.vehicle,
        description=row.description,
        notes=row.notes,
        discount_amount=Decimal(row.discount_amount),
        discount_percent=Decimal(row.discount_percent),
        tax_percent=Decimal(row.tax_percent),
        created_at=row.created_at,
        **timestamps,
    )
    part_line, service_line = row.first_lines
    for name, quantity in row.parts:
        part = garage.parts[name]
        create(
            PartLine,
            part_line,
            repair_order=order,
            part=part,
            quantity=quantity,
            unit_price=part.unit_price,
            taxable=part.taxable,
        )
        part_line = None
    for name in row.services:
        service = garage.services[name]
        create(
            ServiceLine,
            service_line,
            repair_order=order,
            service=service,
            labor_cost=service.labor_cost,
            taxable=service.taxable,
        )
        service_line = None
    order.status = row.status
    if order.status == RepairOrderStatus.COMPLETED:
        order.total_cost = totals_of(order).total
    order.save(update_fields=["status", "total_cost"])
    return order
