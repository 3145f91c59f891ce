"""Querysets of bays, opening hours and appointments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Self, TypedDict, TypeVar
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateField, DateTimeField, F, Func, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual
from django.db.models.sql.compiler import SQLCompiler

from common.domain.caller import Caller
from common.reads.bindings import EarliestStartOfDay, LatestEndOfDay, bind_day

Row = TypeVar("Row", bound=models.Model, covariant=True)
_ONE_DAY = timedelta(days=1, hours=1)  # a day on which the clocks go back


class BayQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all rows: every caller may see the bays."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")


class OpeningHoursQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all rows: every caller may see the opening hours."""
        return self

    def in_order(self) -> Self:
        return self.order_by("weekday")


class _StaffOnlyQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all rows for staff, and none for a customer."""
        return self if caller.is_staff else self.none()


class ShiftQuerySet(_StaffOnlyQuerySet[Row]):
    """The shifts of technicians."""


class AbsenceQuerySet(_StaffOnlyQuerySet[Row]):
    """The absences of technicians."""


class AppointmentFilters(TypedDict, total=False):
    status: list[str]
    vehicle: UUID
    location: UUID
    date_from: date
    date_to: date


class LocalDay(Func):
    """The local day of an instant in the time zone of another column."""

    output_field = DateField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[Any]]:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s)::date", arg_joiner=" AT TIME ZONE ", **context
        )

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        # Django registers this function on every connection. Instants are stored in UTC.
        return self.as_sql(
            compiler, connection, template="django_datetime_cast_date(%(expressions)s, 'UTC')", **context
        )


class AppointmentQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all appointments for staff, and their own appointments for a customer."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: AppointmentFilters) -> Self:
        """Return the appointments that match. `date_from` and `date_to` are inclusive local days of the location."""
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "vehicle" in filters:
            rows = rows.filter(vehicle__uuid=filters["vehicle"])
        if "location" in filters:
            rows = rows.filter(location__uuid=filters["location"])
        local_day = LocalDay(F("start"), F("location__time_zone"))
        # The local day cannot use an index, so a range of `start` narrows the rows first.
        if "date_from" in filters:
            near = bind_day(filters["date_from"], EarliestStartOfDay())
            rows = rows.filter(GreaterThanOrEqual(local_day, filters["date_from"]), start__gte=near)
        if "date_to" in filters:
            near = bind_day(filters["date_to"], LatestEndOfDay())
            rows = rows.filter(LessThanOrEqual(local_day, filters["date_to"]), start__lt=near)
        return rows

    def today(self, now: datetime) -> Self:
        """Return the appointments on the present local day of their location."""
        today = LocalDay(Value(now, DateTimeField()), F("location__time_zone"))
        near = self.filter(start__range=(now - _ONE_DAY, now + _ONE_DAY))  # can use an index
        return near.filter(Exact(LocalDay(F("start"), F("location__time_zone")), today))

    def ending_after(self, now: datetime) -> Self:
        """Return the appointments that end later than `now`."""
        return self.filter(end__gt=now)
