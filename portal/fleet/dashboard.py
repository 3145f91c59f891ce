"""The dashboard: estimates to approve, and the three charts with their tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing.own import get_overdue
from common.domain.days import months_before
from common.domain.types import Json
from portal.fleet.pages import FleetPage
from repair_orders import figures
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.queries import totals_with_lines, with_lines

MAX_UNITS = 12
MONTHS = 24
MAX_WAITING = 5


class Dashboard(FleetPage):
    """The dashboard page. Its context has contract 001's `repair_status_counts` in the printed shape."""

    template = "fleet/dashboard.html"
    section = "dashboard"

    def get(self, request: HttpRequest) -> HttpResponse:
        units = figures.repairs_per_unit(self.caller)
        statuses = figures.repairs_per_status(self.caller)
        today = timezone.localdate()
        months = figures.repairs_per_month(self.caller, since=months_before(today, MONTHS - 1))
        return self.show(
            repair_status_counts=[
                {"status": status.upper(), "count": count} for status, count in statuses.items()
            ],
            units=sorted(units, key=lambda unit: -unit.repair_count)[:MAX_UNITS],
            unit_total=len(units),
            months=fill_gaps(months, until=today),
            earlier=sum(statuses.values()) - sum(count for _, count in months),
            repair_total=sum(statuses.values()),
            waiting=self.waiting() if statuses[RepairOrderStatus.PENDING] else [],
            waiting_total=statuses[RepairOrderStatus.PENDING],
            overdue=get_overdue(self.caller, now=timezone.now()),
        )

    def waiting(self) -> list[Json]:
        """Return the newest estimates that wait for the customer's approval, with their totals."""
        orders = (
            RepairOrder.objects.visible_to(self.caller)
            .matching({"status": [RepairOrderStatus.PENDING]})
            .in_order()
        )
        newest = with_lines(orders.select_related("vehicle"))[:MAX_WAITING]
        return [{"order": order, "total": totals_with_lines(order).total} for order in newest]


def fill_gaps(months: Sequence[tuple[date, int]], *, until: date) -> list[tuple[date, int]]:
    """Return all months from the first one to `until`. Months without repairs count zero, for the line chart."""
    if not months:
        return []
    counts, filled = dict(months), []
    month = months[0][0]
    while month <= max(until, months[-1][0]):
        filled.append((month, counts.get(month, 0)))
        month = months_before(month, -1)
    return filled
