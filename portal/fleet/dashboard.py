"""The first page: what waits for the manager's word, and the three charts with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.domain.types import Json
from portal.fleet.pages import FleetPage
from repair_orders import figures
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.queries import totals_with_lines, with_lines

UNITS_SHOWN = 12
MONTHS_SHOWN = 24
WAITING_SHOWN = 5


class Dashboard(FleetPage):
    """`repair_status_counts` is the contract's, in the printed shape."""

    template = "fleet/dashboard.html"
    section = "dashboard"

    def get(self, request: HttpRequest) -> HttpResponse:
        units = figures.repairs_per_unit(self.caller)
        statuses = figures.repairs_per_status(self.caller)
        today = timezone.localdate()
        months = figures.repairs_per_month(self.caller, since=months_before(today, MONTHS_SHOWN - 1))
        return self.show(
            repair_status_counts=[
                {"status": status.upper(), "count": count} for status, count in statuses.items()
            ],
            units=sorted(units, key=lambda unit: -unit.repair_count)[:UNITS_SHOWN],
            unit_total=len(units),
            months=without_gaps(months, until=today),
            earlier=sum(statuses.values()) - sum(count for _, count in months),
            repair_total=sum(statuses.values()),
            waiting=self.waiting() if statuses[RepairOrderStatus.PENDING] else [],
            waiting_total=statuses[RepairOrderStatus.PENDING],
        )

    def waiting(self) -> list[Json]:
        """The newest estimates that wait for the customer's word, with what they come to."""
        orders = (
            RepairOrder.objects.visible_to(self.caller)
            .matching({"status": [RepairOrderStatus.PENDING]})
            .in_order()
        )
        newest = with_lines(orders.select_related("vehicle"))[:WAITING_SHOWN]
        return [{"order": order, "total": totals_with_lines(order).total} for order in newest]


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before the day's own."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def without_gaps(months: Sequence[tuple[date, int]], *, until: date) -> list[tuple[date, int]]:
    """The months from the first one to `until`, those without a repair as zero: a line must not jump over them."""
    if not months:
        return []
    counts, filled = dict(months), []
    month = months[0][0]
    while month <= max(until, months[-1][0]):
        filled.append((month, counts.get(month, 0)))
        month = months_before(month, -1)
    return filled
