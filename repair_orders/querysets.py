"""Rows of repair orders."""

from __future__ import annotations

from datetime import date
from typing import Any, Self, TypedDict, TypeVar

from django.db import models
from django.db.models import Exists, F, OuterRef

from common.domain.caller import Caller
from common.reads.bindings import StartOfDay, StartOfNextMonth, bind_day
from vehicles.labels import label_of
from vehicles.models import Vehicle

Row = TypeVar("Row", bound=models.Model, covariant=True)


class LineQuerySet(models.QuerySet[Row]):
    """Lines of either kind."""

    def visible_to(self, caller: Caller) -> Self:
        """Who sees an order sees its lines."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")


class RepairOrderFilters(TypedDict, total=False):
    status: list[str]
    unit_id: int
    unit_number: str
    month: date
    ordering: str


NEWEST = "-repair_date"
# What a list may be sorted by; each ends in the same total order, the newest first.
ORDERINGS: dict[str, tuple[Any, ...]] = {
    NEWEST: (),
    "repair_date": ("created_at", "id"),
    "unit_number": (label_of("vehicle__").asc(), "vehicle_id"),
    "-unit_number": (label_of("vehicle__").desc(), "vehicle_id"),
    "status": ("status",),
    "-status": ("-status",),
}


class RepairOrderQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every order, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: RepairOrderFilters) -> Self:
        """`unit_number` is what people call the vehicle, `month` the first day of one in the project's time zone."""
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "unit_id" in filters:
            rows = rows.filter(vehicle_id=filters["unit_id"])
        if "unit_number" in filters:
            # Each among the vehicles of its own customer: of all others' too, PostgreSQL would read every one.
            units = Vehicle.objects.filter(pk=OuterRef("vehicle"), customer=OuterRef("customer"))
            rows = rows.filter(Exists(units.with_label(filters["unit_number"])))
        if "month" in filters:
            rows = rows.filter(
                created_at__gte=bind_day(filters["month"], StartOfDay()),
                created_at__lt=bind_day(filters["month"], StartOfNextMonth()),
            )
        return rows

    def in_order(self, ordering: str = NEWEST) -> Self:
        """Sorted by one of `ORDERINGS`."""
        rows = self
        if ordering.endswith("unit_number"):
            # True of each anyhow; said, it finds one customer's units by an index instead of reading everybody's.
            rows = rows.filter(vehicle__customer=F("customer"))
        return rows.order_by(*ORDERINGS[ordering], "-created_at", "-id")
