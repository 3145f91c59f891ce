"""QuerySets of repair orders and their lines."""

from __future__ import annotations

from datetime import date
from typing import Self, TypedDict, TypeVar

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.expressions import OrderBy

from common.domain.caller import Caller
from common.reads.bindings import StartOfDay, StartOfNextMonth, bind_day
from vehicles.labels import label_of
from vehicles.models import Vehicle

Row = TypeVar("Row", bound=models.Model, covariant=True)
# The words of the models, which import this module.
_PUT_OFF = ("declined", "deferred")
_OPEN = ("requested", "pending", "approved", "in_progress")


class JobQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every job for staff, and those of the customer's own orders for a customer."""
        return self if caller.is_staff else self.filter(repair_order__customer_id=caller.account)

    def in_order(self) -> Self:
        return self.order_by("position", "id")

    def put_off(self) -> Self:
        """Return the jobs that were declined or deferred."""
        return self.filter(status__in=_PUT_OFF)


class LineQuerySet(models.QuerySet[Row]):
    """Lines of jobs, and fees."""

    def visible_to(self, caller: Caller) -> Self:
        """Return the lines that count for the customer. A caller who may see an order may see these."""
        return self.filter(is_shown=True)


class PartLineQuerySet(LineQuerySet[Row]):
    def in_order(self) -> Self:
        return self.order_by("id")


class ServiceLineQuerySet(LineQuerySet[Row]):
    def in_order(self) -> Self:
        """Sort by id, with the fees last, in the order of their rules as worksheets have them."""
        return self.order_by(Case(When(kind="fee", then=1), default=0), "fee_position", "id")


class RepairOrderFilters(TypedDict, total=False):
    status: list[str]
    unit_id: int
    unit_number: str
    month: date
    ordering: str


NEWEST = "-repair_date"
# The orderings of a list. `in_order` appends the newest first, so that each ordering is total.
ORDERINGS: dict[str, tuple[str | OrderBy, ...]] = {
    NEWEST: (),
    "repair_date": ("created_at", "id"),
    "unit_number": (label_of("vehicle__").asc(), "vehicle_id"),
    "-unit_number": (label_of("vehicle__").desc(), "vehicle_id"),
    "status": ("status",),
    "-status": ("-status",),
}


class RepairOrderQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every order for staff, and the customer's own orders for a customer."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: RepairOrderFilters) -> Self:
        """Apply the filters.

        `unit_number` is the vehicle's label, and `month` the first day of a month in the project's time zone.
        """
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "unit_id" in filters:
            rows = rows.filter(vehicle_id=filters["unit_id"])
        if "unit_number" in filters:
            # Only vehicles of the order's customer are compared. Without this condition PostgreSQL reads all vehicles.
            units = Vehicle.objects.filter(pk=OuterRef("vehicle"), customer=OuterRef("customer"))
            rows = rows.filter(Exists(units.with_label(filters["unit_number"])))
        if "month" in filters:
            rows = rows.filter(
                created_at__gte=bind_day(filters["month"], StartOfDay()),
                created_at__lt=bind_day(filters["month"], StartOfNextMonth()),
            )
        return rows

    def in_shop(self, *, with_completed: bool = False) -> Self:
        """Return the open orders whose vehicle was checked in or is worked on, and completed ones if wanted."""
        is_here = Q(status__in=_OPEN, checked_in_at__isnull=False) | Q(status="in_progress")
        return self.filter(is_here | Q(status="completed") if with_completed else is_here)

    def in_order(self, ordering: str = NEWEST) -> Self:
        """Sort by one of `ORDERINGS`."""
        rows = self
        if ordering.endswith("unit_number"):
            # Always true. With it, PostgreSQL finds the units of one customer by an index and does not read all units.
            rows = rows.filter(vehicle__customer=F("customer"))
        return rows.order_by(*ORDERINGS[ordering], "-created_at", "-id")
