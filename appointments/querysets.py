"""Rows of appointments."""

from __future__ import annotations

from datetime import date
from typing import Any, Self, TypedDict, TypeVar

from django.db import models
from django.db.models import DateField, F, Func
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from common.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class AppointmentFilters(TypedDict, total=False):
    status: list[str]
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
        local_day = LocalDay(F("start"), F("location__time_zone"))
        if "date_from" in filters:
            rows = rows.filter(GreaterThanOrEqual(local_day, filters["date_from"]))
        if "date_to" in filters:
            rows = rows.filter(LessThanOrEqual(local_day, filters["date_to"]))
        return rows
