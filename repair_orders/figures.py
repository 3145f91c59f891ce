"""Count repair orders by unit, by month and by status.

The charts, their tables, the JSON and the linked lists count the same rows: `RepairOrder.objects.visible_to(caller)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, tzinfo
from functools import cache

from django.db.models import Count, DateField, DateTimeField
from django.db.models.functions import Cast, TruncMonth
from django.utils import timezone

from common.domain.caller import Caller
from common.domain.days import midnight
from common.domain.types import AnyQuerySet
from common.reads.read import Columns
from common.reads.statements import Param
from repair_orders.models import RepairOrder, RepairOrderStatus
from vehicles.labels import unit_label
from vehicles.models import Vehicle

# The order of contract 001. Denied orders come last.
SHOWN_ORDER = (
    RepairOrderStatus.REQUESTED,
    RepairOrderStatus.PENDING,
    RepairOrderStatus.APPROVED,
    RepairOrderStatus.IN_PROGRESS,
    RepairOrderStatus.COMPLETED,
    RepairOrderStatus.DENIED,
)
_NOT_COMPLETED = [status for status in SHOWN_ORDER if status != RepairOrderStatus.COMPLETED]


@dataclass(frozen=True, slots=True)
class UnitCount:
    """The number of repairs of a unit. `unit_id` is the vehicle's id and `unit_number` its label."""

    unit_id: int
    unit_number: str
    repair_count: int


def _counts(caller: Caller) -> AnyQuerySet:
    return RepairOrder.objects.visible_to(caller).values("vehicle_id").annotate(count=Count("id")).order_by()


_COUNTS = Columns(_counts, "vehicle_id", "count")
_UNITS = Columns(
    lambda caller: Vehicle.objects.visible_to(caller),
    *("id", "archived_at", "unit_number", "license_plate", "vin", "id"),
)


@cache
def _months(zone: tzinfo, *, is_bounded: bool) -> Columns:
    def rows(caller: Caller) -> AnyQuerySet:
        orders = RepairOrder.objects.visible_to(caller)
        if is_bounded:
            orders = orders.filter(created_at__gte=Param("since", DateTimeField()))
        # The database driver reads a date directly. A timestamp would be converted to its time zone in Python.
        month = Cast(TruncMonth("created_at", tzinfo=zone), DateField())
        return orders.annotate(month=month).values("month").annotate(count=Count("id")).order_by("month")

    return Columns(rows, "month", "count")


def repairs_per_unit(caller: Caller) -> list[UnitCount]:
    """Return the number of repairs of each unit, sorted by unit number.

    Units in use are included without repairs, archived units only with repairs.
    """
    counts = {row[0]: row[1] for row in _COUNTS.of(caller)}
    found = [
        UnitCount(pk, unit_label(*names), counts.get(pk, 0))
        for pk, archived_at, *names in _UNITS.of(caller)
        if archived_at is None or pk in counts
    ]
    return sorted(found, key=lambda unit: (unit.unit_number, unit.unit_id))


def repairs_per_month(caller: Caller, *, since: date | None = None) -> list[tuple[date, int]]:
    """Return the first day of each month with requested repairs and their number, oldest first.

    Months are those of the project's time zone. `since` is the first day of the earliest month to count.
    """
    zone = timezone.get_default_timezone()
    bound = {"since": midnight(since)} if since else {}
    months = _months(zone, is_bounded=since is not None).of(caller, **bound)
    return [(month, count) for month, count in months]


def repairs_per_status(caller: Caller) -> dict[RepairOrderStatus, int]:
    """Return the number of repairs in each of the six statuses, in the order of `SHOWN_ORDER`."""
    orders = RepairOrder.objects.visible_to(caller)
    # Nearly all orders of a fleet are completed. Counting the others by status and subtracting them from the number of
    # all orders reads fewer rows than grouping all of them.
    others = orders.filter(status__in=_NOT_COMPLETED).values_list("status").annotate(Count("id")).order_by()
    counts = dict(others)
    counts[RepairOrderStatus.COMPLETED] = orders.count() - sum(counts.values())
    return {status: counts.get(status, 0) for status in SHOWN_ORDER}
