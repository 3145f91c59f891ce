"""Find repair orders and compute their totals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, QuerySet, When

from appointments.models import Location, Technician
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.reads.bindings import DayOfInstant, bind_day
from customers.models import Customer
from files.models import Upload
from repair_orders.models import (
    AUTHORISED_STATUSES,
    OPEN_STATUSES,
    Job,
    JobStatus,
    OrderDiscount,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    ServiceLine,
)
from repair_orders.money import Line, Totals, all_off, totals
from repair_orders.querysets import NEWEST, RepairOrderFilters
from repair_orders.time_entries.models import TimeEntry
from vehicles.models import Recommendation, RecommendationStatus, Urgency, Vehicle


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
    rows = orders.filter(status__in=OPEN_STATUSES).only("number").order_by("id")
    return [f"repair order {order.reference}" for order in rows]


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
        discount_amount=all_off(order.discount_amount, order.given_discount),
        discount_percent=order.discount_percent,
        tax_percent=order.tax_percent,
    )


def named_discounts_of(order: RepairOrder, totals: Totals) -> list[tuple[str, Decimal]]:
    """Return the name and the dollars of each discount. Costs one query if the order has discount rows."""
    rows = OrderDiscount.objects.filter(repair_order=order, amount__gt=0).in_order()
    has_rows = order.given_discount is not None
    named: list[tuple[str, Decimal]] = list(rows.values_list("name", "amount")) if has_rows else []
    own = totals.discount - sum((amount for _, amount in named), Decimal(0))
    return [*([("Discount", own)] if own else []), *named]


def photos_of(order: RepairOrder) -> QuerySet[Upload]:
    """Return the photos of a request, in the order in which they were sent."""
    return Upload.objects.filter(repair_photo__repair_order=order).order_by("repair_photo__id")


# --- The floor (docs/design, D106) ------------------------------------------------------------------------


def find_in_shop(location: Location, *, with_completed: bool = False) -> QuerySet[RepairOrder]:
    """Return the open orders whose vehicle is at a location now, by promised time.

    `with_completed` adds completed ones. Whether their vehicle has left is known above (`exit`).
    """
    return _on_floor(location, RepairOrder.objects.in_shop(with_completed=with_completed))


def find_late(location: Location, now: datetime) -> QuerySet[RepairOrder]:
    """Return the orders in the shop whose promised time has passed."""
    return find_in_shop(location).filter(promised_at__lt=now)


def find_waiting(location: Location) -> QuerySet[RepairOrder]:
    """Return the orders of a location whose estimate waits for the customer's answer."""
    return _on_floor(location, RepairOrder.objects.filter(status=RepairOrderStatus.PENDING))


def find_ready(location: Location) -> QuerySet[RepairOrder]:
    """Return the orders of a location that are approved and not started."""
    return _on_floor(location, RepairOrder.objects.filter(status=RepairOrderStatus.APPROVED))


def _on_floor(location: Location, orders: QuerySet[RepairOrder]) -> QuerySet[RepairOrder]:
    rows = orders.filter(location=location).select_related("vehicle", "customer__contact")
    return rows.order_by(F("promised_at").asc(nulls_last=True), "id")


def find_jobs_of(technician: Technician) -> QuerySet[Job]:
    """Return the approved jobs of a technician in orders that can be worked on.

    The job on which the clock runs comes first, then those in progress, by promised time.
    """
    rows = Job.objects.filter(
        technician=technician, status=JobStatus.APPROVED, repair_order__status__in=AUTHORISED_STATUSES
    ).annotate(
        is_running=Exists(TimeEntry.objects.running().filter(technician=technician, job=OuterRef("pk")))
    )
    return rows.select_related("repair_order__vehicle", "repair_order__location").order_by(
        "-is_running",
        Case(When(repair_order__status=RepairOrderStatus.IN_PROGRESS, then=0), default=1),
        F("repair_order__promised_at").asc(nulls_last=True),
        "repair_order_id",
        "position",
        "id",
    )


def open_recommendations(vehicle: Vehicle) -> QuerySet[Recommendation]:
    """Return the open recommendations of a vehicle, declined work included, the most urgent first."""
    urgency = Case(*(When(urgency=word, then=number) for number, word in enumerate(Urgency.values)))
    rows = Recommendation.objects.filter(vehicle=vehicle, status=RecommendationStatus.OPEN)
    return rows.order_by(urgency, "-id")


def find_follow_ups(caller: Caller, *, now: object) -> QuerySet[Recommendation]:
    """Return the open recommendations of jobs that customers declined or deferred, of vehicles in use.

    One that is due on a later day is left out until then. `now` is the time of the request, or its `Param`.
    """
    today = bind_day(now, DayOfInstant())
    return Recommendation.objects.visible_to(caller).filter(
        Exists(Job.objects.put_off().filter(recommendation=OuterRef("pk"))),
        Q(due_on=None) | Q(due_on__lte=today),
        status=RecommendationStatus.OPEN,
        vehicle__archived_at=None,
    )
