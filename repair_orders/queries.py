"""Find repair orders and compute their totals."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from common.domain.caller import Caller
from common.domain.errors import Missing
from files.models import Upload
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from repair_orders.money import Line, Totals, totals
from repair_orders.querysets import NEWEST, RepairOrderFilters


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


def with_lines(orders: QuerySet[RepairOrder]) -> QuerySet[RepairOrder]:
    """Prefetch the part and service lines of orders, each in the order of their ids, for pages that need objects."""
    return orders.prefetch_related(
        Prefetch("part_lines", PartLine.objects.in_order()),
        Prefetch("service_lines", ServiceLine.objects.in_order()),
    )


def totals_of(order: RepairOrder) -> Totals:
    """Return the totals of one order from its stored lines. Costs two queries."""
    parts = PartLine.objects.filter(repair_order=order).in_order()
    services = ServiceLine.objects.filter(repair_order=order).in_order()
    lines = [
        Line(unit_price * quantity, taxable)
        for unit_price, quantity, taxable in parts.values_list("unit_price", "quantity", "taxable")
    ]
    lines += [Line(cost, taxable) for cost, taxable in services.values_list("labor_cost", "taxable")]
    return _totals(order, lines)


def totals_with_lines(order: RepairOrder) -> Totals:
    """Return the totals of an order whose lines are prefetched by `with_lines`. Costs no query."""
    lines = [Line(line.unit_price * line.quantity, line.taxable) for line in order.part_lines.all()]
    lines += [Line(line.labor_cost, line.taxable) for line in order.service_lines.all()]
    return _totals(order, lines)


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
