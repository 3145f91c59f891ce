"""Find repair orders and compute their totals."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet

from common.domain.caller import Caller
from common.domain.errors import Missing
from customers.models import Customer
from files.models import Upload
from repair_orders.models import OPEN_STATUSES, PartLine, RepairOrder, ServiceLine
from repair_orders.money import Line, Totals, totals
from repair_orders.querysets import NEWEST, RepairOrderFilters
from vehicles.models import Vehicle


def find_repairs(caller: Caller, filters: RepairOrderFilters) -> QuerySet[RepairOrder]:
    """Return the caller's repair orders, filtered and sorted."""
    rows = RepairOrder.objects.visible_to(caller).matching(filters)
    return rows.in_order(filters.get("ordering", NEWEST))


def get_repair(caller: Caller, id: int) -> RepairOrder:
    """Return the caller's repair order of that id. Raise Missing."""
    found = RepairOrder.objects.visible_to(caller).filter(pk=id).first()
    if found is None:
        raise Missing("Repair not found")
    return found


def name_orders_of_vehicle(vehicle: Vehicle, now: datetime) -> list[str]:
    """Return the names of the vehicle's open repair orders."""
    return _name_open(RepairOrder.objects.filter(vehicle=vehicle))


def name_orders_of_customer(customer: Customer, now: datetime) -> list[str]:
    """Return the names of the customer's open repair orders."""
    return _name_open(RepairOrder.objects.filter(customer=customer))


def _name_open(orders: QuerySet[RepairOrder]) -> list[str]:
    ids = orders.filter(status__in=OPEN_STATUSES).order_by("id").values_list("id", flat=True)
    return [f"repair order {pk}" for pk in ids]


def with_lines(orders: QuerySet[RepairOrder]) -> QuerySet[RepairOrder]:
    """Prefetch the part and service lines that count for the customer, in their order, for pages that need objects."""
    return orders.prefetch_related(
        Prefetch("part_lines", PartLine.objects.filter(is_shown=True).in_order()),
        Prefetch("service_lines", ServiceLine.objects.filter(is_shown=True).in_order()),
    )


def totals_of(order: RepairOrder) -> Totals:
    """Return the totals of the lines of one order that count for the customer. Costs two queries."""
    parts = PartLine.objects.filter(repair_order=order, is_shown=True).in_order()
    services = ServiceLine.objects.filter(repair_order=order, is_shown=True).in_order()
    lines = [
        Line(amount, taxable)
        for rows in (parts, services)
        for amount, taxable in rows.values_list("amount", "taxable")
    ]
    return _totals(order, lines)


def totals_with_lines(order: RepairOrder) -> Totals:
    """Return the totals of an order whose lines are prefetched by `with_lines`. Costs no query."""
    lines: list[PartLine | ServiceLine] = [*order.part_lines.all(), *order.service_lines.all()]
    return _totals(order, [Line(line.amount, line.taxable) for line in lines])


def _totals(order: RepairOrder, lines: list[Line]) -> Totals:
    return totals(
        lines,
        discount_amount=order.discount_amount,
        discount_percent=order.discount_percent,
        tax_percent=order.tax_percent,
    )


def photos_of(order: RepairOrder) -> QuerySet[Upload]:
    """Return the photos of a request, in the order in which they were sent."""
    return Upload.objects.filter(repair_photo__repair_order=order).order_by("repair_photo__id")
