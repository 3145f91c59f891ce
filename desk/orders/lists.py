"""The repair orders of a location by what they wait for, and those that a text finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, QuerySet, Subquery, When

from appointments.models import Location
from billing.models import Invoice, VehicleExit
from common.domain.caller import Caller
from common.domain.money import exact
from desk.places import at_location
from desk.search.find import orders_with
from repair_orders.models import OPEN_STATUSES, Job, JobStatus, RepairOrder, RepairOrderStatus
from repair_orders.queries import totals_with_lines, with_lines

PER_PAGE = 50
MOST = 10_000  # orders that are counted and can be paged through
OPEN, ALL = "open", "all"
_S = RepairOrderStatus
_UNDONE = (JobStatus.DECLINED, JobStatus.DEFERRED)

TONES: Mapping[RepairOrderStatus, str] = {
    _S.REQUESTED: "",
    _S.PENDING: "amber",
    _S.APPROVED: "blue",
    _S.IN_PROGRESS: "blue",
    _S.COMPLETED: "green",
    _S.DENIED: "red",
}


@dataclass(frozen=True, slots=True)
class View:
    """A tab of the page. `count` is None for one whose orders only grow in number."""

    name: str
    title: str
    count: int | None = None


# Name of a view -> its title and statuses.
VIEWS: Mapping[str, tuple[str, Sequence[str]]] = {
    OPEN: ("Open", OPEN_STATUSES),
    "requested": ("To estimate", (_S.REQUESTED,)),
    "pending": ("Waiting for approval", (_S.PENDING,)),
    "approved": ("To start", (_S.APPROVED,)),
    "in_progress": ("In work", (_S.IN_PROGRESS,)),
    "completed": ("Completed", (_S.COMPLETED,)),
    "denied": ("Declined", (_S.DENIED,)),
    ALL: ("All", _S.values),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An order with its jobs, its problem, its total, and what is owed for it.

    `owed` is None before an invoice. `is_late` says whether the promised time has passed, `is_here` whether a completed
    order's vehicle has not left.
    """

    order: RepairOrder
    tone: str
    jobs: str
    problem: str
    total: Decimal
    owed: Decimal | None
    is_late: bool
    is_here: bool


def count_views(caller: Caller, location: Location) -> list[View]:
    """Return the tabs, the open ones with the number of their orders. One query."""
    rows = RepairOrder.objects.visible_to(caller).filter(at_location(location), status__in=OPEN_STATUSES)
    by_status = dict(rows.order_by().values_list("status").annotate(Count("pk")))
    return [
        View(
            name,
            title,
            sum(by_status.get(status, 0) for status in statuses)
            if set(statuses) <= set(OPEN_STATUSES)
            else None,
        )
        for name, (title, statuses) in VIEWS.items()
    ]


def get_orders(
    caller: Caller,
    location: Location | None,
    *,
    view: str,
    text: str = "",
    customer_id: int | None = None,
    number: str | None = None,
    now: datetime,
) -> tuple[list[Row], Page[Any]]:
    """Return a page of the orders of a view, in a constant number of queries.

    `location` is None for those of all locations. `text` is searched as on the page *Search*, and the order that has it
    as its number comes first. Open orders come by their promised time, then the oldest first, others the newest first.
    """
    statuses = VIEWS[view][1]
    rows = RepairOrder.objects.visible_to(caller)
    if view != ALL:
        rows = rows.filter(status__in=statuses)
    if location is not None:
        rows = rows.filter(at_location(location))
    if customer_id is not None:
        rows = rows.filter(customer=customer_id)
    is_open = set(statuses) <= set(OPEN_STATUSES)
    order: list[Any] = (
        [F("promised_at").asc(nulls_last=True), "created_at", "id"] if is_open else ["-created_at", "-id"]
    )
    if text:
        is_found, has_number = orders_with(text)
        rows = rows.filter(is_found)
        order.insert(0, Case(When(has_number, then=0), default=1))
    page = Paginator(_shown(rows.order_by(*order))[:MOST], PER_PAGE).get_page(number)
    return [_row(order, now) for order in page.object_list], page


def _shown(rows: QuerySet[RepairOrder]) -> QuerySet[RepairOrder]:
    standing = Invoice.objects.filter(repair_order=OuterRef("pk"), is_credited=False)
    left = VehicleExit.objects.filter(repair_order=OuterRef("pk"))
    jobs = Job.objects.exclude(status__in=_UNDONE).in_order().only("repair_order", "name")
    shown = rows.select_related("customer__contact", "vehicle", "location").annotate(
        owed=Subquery(standing.values("balance")[:1]), has_left=Exists(left)
    )
    return with_lines(shown).prefetch_related(Prefetch("jobs", jobs, to_attr="shown_jobs"))


def _row(order: RepairOrder, now: datetime) -> Row:
    names = [job.name for job in order.shown_jobs]  # type: ignore[attr-defined]  # prefetched above
    owed = order.owed  # type: ignore[attr-defined]  # annotated above
    is_open = order.status in OPEN_STATUSES
    return Row(
        order,
        TONES[RepairOrderStatus(order.status)],
        ", ".join(names),
        order.description.partition("\n")[0],
        totals_with_lines(order).total if order.total_cost is None else order.total_cost,
        None if owed is None else exact(owed),
        is_open and order.promised_at is not None and order.promised_at < now,
        order.status == _S.COMPLETED and not order.has_left,  # type: ignore[attr-defined]
    )
