"""QuerySets of time entries."""

from __future__ import annotations

from datetime import date
from typing import Self, TypedDict, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from appointments.querysets import LocalDay
from common.domain.caller import Caller
from common.reads.bindings import EarliestStartOfDay, LatestEndOfDay, bind_day

Row = TypeVar("Row", bound=models.Model, covariant=True)


class TimeEntryFilters(TypedDict, total=False):
    date_from: date
    date_to: date


class TimeEntryQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every entry for staff and none for a customer."""
        return self if caller.is_staff else self.none()

    def running(self) -> Self:
        """Return the entries whose clock is running."""
        return self.filter(ended=None)

    def matching(self, filters: TimeEntryFilters) -> Self:
        """Return the entries that started on these local days of the order's location, both inclusive.

        Of an order without a location they are days of the project's time zone.
        """
        rows = self
        zone = Coalesce(F("job__repair_order__location__time_zone"), Value(settings.TIME_ZONE))
        local_day = LocalDay(F("started"), zone)
        # The local day cannot use an index, so a range of `started` narrows the rows first.
        if "date_from" in filters:
            near = bind_day(filters["date_from"], EarliestStartOfDay())
            rows = rows.filter(GreaterThanOrEqual(local_day, filters["date_from"]), started__gte=near)
        if "date_to" in filters:
            near = bind_day(filters["date_to"], LatestEndOfDay())
            rows = rows.filter(LessThanOrEqual(local_day, filters["date_to"]), started__lt=near)
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-started", "-id")
