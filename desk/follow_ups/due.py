"""What is due for the customers of a location, kind by kind (docs/design, D138)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest

from appointments.models import Appointment, Location
from common.domain.caller import Caller
from common.domain.types import AnyQuerySet
from desk.places import at_location
from reminders.due import SOURCES, Due, Source
from repair_orders.models import RepairOrder

PER_PAGE = 25
# The rows of these kinds belong to a location themselves. The others belong to a customer of it.
_LOCATED = {"appointment": "", "estimate": "repair_order__", "invoice": ""}


@dataclass(frozen=True, slots=True)
class Tab:
    """A kind that the user may see."""

    kind: str
    label: str
    is_current: bool


def tabs_of(request: HttpRequest) -> list[Tab]:
    """Return the tabs, first the work that was put off, which is the page's own list."""
    chosen = chosen_source(request)
    kinds = [(source.kind, source.label) for source in SOURCES if _may_see(request, source)]
    current = chosen.kind if chosen else ""
    return [Tab(kind, label, kind == current) for kind, label in [("", "Put off"), *kinds]]


def chosen_source(request: HttpRequest) -> Source | None:
    """Return the source of the kind that is asked for, or None for the work that was put off."""
    asked = request.GET.get("kind", "")
    return next((source for source in SOURCES if source.kind == asked and _may_see(request, source)), None)


def _may_see(request: HttpRequest, source: Source) -> bool:
    return source.permission is not None and request.user.has_perm(source.permission)


def get_due(
    caller: Caller, source: Source, location: Location, *, number: str | None, now: datetime
) -> tuple[list[Due], Page[Any]]:
    """Return a page of what is due at a location. Two queries."""
    rows = _at(location, source, source.rows(caller, {}, now))
    page = Paginator(rows, PER_PAGE).get_page(number)
    return _by_customer([source.item(row, now) for row in page.object_list]), page


def _by_customer(rows: list[Due]) -> list[Due]:
    """Return the rows of a customer together, at the place of their first one."""
    places: dict[int, int] = {}
    for place, row in enumerate(rows):
        if row.customer is not None:
            places.setdefault(row.customer.pk, place)
    order = [places[row.customer.pk] if row.customer is not None else place for place, row in enumerate(rows)]
    return [rows[place] for place in sorted(range(len(rows)), key=lambda place: (order[place], place))]


def _at(location: Location, source: Source, rows: AnyQuerySet) -> AnyQuerySet:
    if source.kind in _LOCATED:
        return rows.filter(at_location(location, _LOCATED[source.kind]))
    customer = OuterRef(f"{source.customer}_id")
    orders = RepairOrder.objects.filter(at_location(location), customer=customer)
    visits = Appointment.objects.filter(location=location, customer=customer)
    return rows.filter(Q(Exists(orders)) | Q(Exists(visits)))
