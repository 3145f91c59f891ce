"""Rows of appointments."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Self, TypedDict, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import DateField, DateTimeField, F, Func, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual

from common.domain.caller import Caller
from common.reads.bindings import EarliestStartOfDay, LatestEndOfDay, bind_day

Row = TypeVar("Row", bound=models.Model, covariant=True)
_ONE_DAY = timedelta(days=1, hours=1)  # the longest there is


class BayQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Where a shop has its bays is no secret."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")


class OpeningHoursQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """When a shop is open is no secret."""
        return self

    def in_order(self) -> Self:
        return self.order_by("weekday")


class AppointmentFilters(TypedDict, total=False):
    status: list[str]
    vehicle: UUID
    location: UUID
    date_from: date
    date_to: date


class LocalDay(Func):
    """The calendar day of an instant in the time zone that a column names."""

    output_field = DateField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s)::date", arg_joiner=" AT TIME ZONE ", **context
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Django's own function, registered on every connection; 'UTC' is how instants are stored.
        return self.as_sql(
            compiler, connection, template="django_datetime_cast_date(%(expressions)s, 'UTC')", **context
        )


class AppointmentQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every visit, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: AppointmentFilters) -> Self:
        """Both bounds are inclusive days in the time zone of the visit's location."""
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "vehicle" in filters:
            rows = rows.filter(vehicle__uuid=filters["vehicle"])
        if "location" in filters:
            rows = rows.filter(location__uuid=filters["location"])
        local_day = LocalDay(F("start"), F("location__time_zone"))
        # Beside the day there, what an index can find.
        if "date_from" in filters:
            near = bind_day(filters["date_from"], EarliestStartOfDay())
            rows = rows.filter(GreaterThanOrEqual(local_day, filters["date_from"]), start__gte=near)
        if "date_to" in filters:
            near = bind_day(filters["date_to"], LatestEndOfDay())
            rows = rows.filter(LessThanOrEqual(local_day, filters["date_to"]), start__lt=near)
        return rows

    def today(self, now: datetime) -> Self:
        """Visits on the day that it is now at their location."""
        today = LocalDay(Value(now, DateTimeField()), F("location__time_zone"))
        near = self.filter(start__range=(now - _ONE_DAY, now + _ONE_DAY))  # what an index can find
        return near.filter(Exact(LocalDay(F("start"), F("location__time_zone")), today))

    def not_over(self, now: datetime) -> Self:
        """Visits that end later than `now`."""
        return self.filter(end__gt=now)
