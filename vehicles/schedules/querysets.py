"""QuerySets of service schedules."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, F, Q, Value, When
from django.db.models.lookups import GreaterThanOrEqual, LessThan, LessThanOrEqual

from common.domain.caller import Caller
from common.reads.bindings import DayOfInstant, bind_day

Row = TypeVar("Row", bound=models.Model, covariant=True)

OVERDUE, DUE_SOON, COMPLETED, UPCOMING = "overdue", "due_soon", "completed", "upcoming"
STATUSES = [OVERDUE, DUE_SOON, UPCOMING, COMPLETED]
SOON_DAYS, SOON_MILES = 14, 500
COMPLETED_DAYS = 30


class _DayLater(DayOfInstant):
    """Bind an instant as the day in the project's time zone that many days later."""

    def __init__(self, *, later: int) -> None:
        super().__init__()
        self.later = timedelta(days=later)

    def get_db_prep_value(
        self, value: datetime, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> object:
        return super().get_db_prep_value(value + self.later, connection, prepared)


class ServiceScheduleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all schedules for staff, and those of their own vehicles in use for a customer."""
        if caller.is_staff:
            return self
        return self.filter(vehicle__customer_id=caller.account, vehicle__archived_at=None)

    def offered(self) -> Self:
        """Return the schedules whose template is listed."""
        return self.filter(template__is_listed=True)

    def with_status(self, now: object) -> Self:
        """Annotate the state of each schedule at an instant, or at the `Param` that stands for one.

        Overdue: the day is past or the miles are reached. Due soon: within 14 days or 500 miles. Completed: done within
        the last 30 days. Else upcoming.
        """

        def day(later: int) -> models.Expression:
            return bind_day(now, _DayLater(later=later))

        return self.annotate(
            status=Case(
                When(
                    Q(LessThanOrEqual(F("due_miles"), F("vehicle__odometer")))
                    | Q(LessThan(F("due_on"), day(0))),
                    then=Value(OVERDUE),
                ),
                When(
                    Q(LessThanOrEqual(F("due_miles"), F("vehicle__odometer") + SOON_MILES))
                    | Q(LessThanOrEqual(F("due_on"), day(SOON_DAYS))),
                    then=Value(DUE_SOON),
                ),
                When(Q(GreaterThanOrEqual(F("last_on"), day(-COMPLETED_DAYS))), then=Value(COMPLETED)),
                default=Value(UPCOMING),
                output_field=models.CharField(),
            )
        )

    def in_states(self, statuses: object) -> Self:
        """Return the schedules that have one of the states. They are annotated with it (`with_status`)."""
        return self.filter(status__in=statuses)

    def in_order(self) -> Self:
        """Return the schedules, the day that comes first first."""
        return self.order_by(F("due_on").asc(nulls_last=True), "id")
