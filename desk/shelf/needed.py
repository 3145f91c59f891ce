"""The parts that are to be ordered, and those that are on order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse

from catalogue.models import Part
from catalogue.shelf.models import Reservation, VendorOrder
from catalogue.shelf.queries import find_needed_parts
from catalogue.shelf.sources import name_sources
from common.domain.caller import Caller
from common.domain.types import AnyQuerySet
from repair_orders.models import RepairOrder

PER_PAGE = 25
TO_ORDER, ON_ORDER = "to-order", "on-order"
VIEWS: Mapping[str, str] = {TO_ORDER: "To order", ON_ORDER: "On order"}
_OPEN = Q(reservations__filled__lt=F("reservations__pieces"))


@dataclass(frozen=True, slots=True)
class Need:
    """Who needs pieces of a part: a job of a repair order (`order`), or a parts order."""

    label: str
    url: str
    pieces: int
    order: RepairOrder | None


@dataclass(frozen=True, slots=True)
class Needed:
    """A part with the pieces that are missing, who needs them, and what is on order."""

    part: Part
    short: int
    needs: Sequence[Need]
    on_order: VendorOrder | None
    is_late: bool

    @property
    def to_order(self) -> int:
        """The missing pieces that are not on order."""
        return max(0, self.short - (self.on_order.pieces if self.on_order else 0))


def count_views(caller: Caller) -> dict[str, int]:
    """Return the number of parts of each view. Two queries."""
    return {view: _parts_of(caller, view).count() for view in VIEWS}


def get_needed(
    caller: Caller, view: str, *, number: str | None, today: date
) -> tuple[list[Needed], Page[Any]]:
    """Return a page of the parts of a view, in a constant number of queries.

    Those to order come by the oldest need, and those on order by the day on which they are expected.
    """
    page = Paginator(_parts_of(caller, view).select_related("on_order__by"), PER_PAGE).get_page(number)
    return with_needs(page.object_list, today=today), page


def with_needs(parts: Iterable[Part], *, today: date) -> list[Needed]:
    """Return parts (of `find_part` or a view) with who waits for each, in a constant number of queries."""
    found = list(parts)
    needs = _needs_of(part.pk for part in found)
    return [_needed(part, needs[part.pk], today) for part in found]


def find_part(pk: int) -> Part | None:
    """Return a part with what is on order and `short`, the pieces that are missing."""
    return _with_short(Part.objects.filter(pk=pk)).select_related("on_order__by").first()


def _parts_of(caller: Caller, view: str) -> AnyQuerySet:
    if view == ON_ORDER:
        rows = _with_short(Part.objects.filter(on_order__isnull=False))
        return rows.order_by(F("on_order__expected_on").asc(nulls_last=True), "id")
    rows = _with_short(find_needed_parts(caller).order_by())
    waits = Q(on_order=None) | Q(on_order__pieces__lt=F("short"))
    return (
        rows.annotate(since=Min("reservations__created_at", filter=_OPEN))
        .filter(waits)
        .order_by("since", "id")
    )


def _with_short(parts: QuerySet[Part]) -> QuerySet[Part]:
    missing = Sum(F("reservations__pieces") - F("reservations__filled"), filter=_OPEN)
    return parts.annotate(short=Coalesce(missing, 0))


def _needed(part: Part, needs: Sequence[Need], today: date) -> Needed:
    on_order = getattr(part, "on_order", None)
    day = on_order.expected_on if on_order else None
    return Needed(part, part.short, needs, on_order, day is not None and day < today)  # type: ignore[attr-defined]


def _needs_of(part_ids: Iterable[int]) -> defaultdict[int, list[Need]]:
    """Return who waits for each part, the oldest need first."""
    rows = list(Reservation.objects.filter(part__in=list(part_ids)).open().in_order())
    names = name_sources(row.source for row in rows)
    ids = {names[row.source].keys.get("repair_order_id") for row in rows}
    orders = RepairOrder.objects.select_related("customer__contact", "vehicle").in_bulk(ids - {None})
    needs: defaultdict[int, list[Need]] = defaultdict(list)
    for row in rows:
        named = names[row.source]
        order = orders.get(named.keys.get("repair_order_id", 0))
        url = reverse("order-page", args=[order.pk]) if order else ""
        if number := named.keys.get("order_id"):
            url = reverse("admin:orders_order_change", args=[number])
        needs[row.part_id].append(Need(named.label, url, row.short, order))
    return needs
