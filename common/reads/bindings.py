"""Fields that bind a calendar day as an instant, and a search as patterns.

A range of instants can use an index. Casting each row's instant to a day could not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from common.domain.days import day_of, midnight, within_calendar
from common.domain.search import MOST_WORDS, Pattern, patterns_of
from common.reads.statements import Param

_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)  # the time zones furthest from UTC


class _DayBinding(models.DateTimeField[date, datetime]):
    """Bind a day as the instant that `instant_of` computes."""

    def instant_of(self, day: date) -> datetime:
        raise NotImplementedError

    def get_db_prep_value(
        self, value: date, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> object:
        return super().get_db_prep_value(self.instant_of(value), connection, prepared)


class StartOfDay(_DayBinding):
    """Bind a day as the instant it begins in the project's time zone, or the day `later` days after it."""

    def __init__(self, *, later: int = 0) -> None:
        super().__init__()
        self.later = timedelta(days=later)

    def instant_of(self, day: date) -> datetime:
        return midnight(within_calendar(day) + self.later)


class StartOfNextMonth(_DayBinding):
    """Bind the first day of a month as the instant the next month begins in the project's time zone."""

    def instant_of(self, day: date) -> datetime:
        return midnight(day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1))


class EarliestStartOfDay(_DayBinding):
    """Bind a day as the instant it begins in the time zone furthest ahead of UTC."""

    def instant_of(self, day: date) -> datetime:
        return midnight(day, UTC) - _AHEAD


class LatestEndOfDay(_DayBinding):
    """Bind a day as the instant it ends in the time zone furthest behind UTC."""

    def instant_of(self, day: date) -> datetime:
        return midnight(day, UTC) + timedelta(days=1) + _BEHIND


class DayOfInstant(models.DateField[datetime, date]):
    """Bind an instant as its day in the project's time zone."""

    def get_db_prep_value(
        self, value: datetime, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> object:
        return super().get_db_prep_value(day_of(value), connection, prepared)


def bind_day(day: object, stored: _DayBinding | DayOfInstant) -> models.Expression:
    """Return the day, or the `Param` that stands for one, bound through `stored`."""
    return Param(day.name, stored) if isinstance(day, Param) else models.Value(day, stored)


def bind_search(search: object) -> list[models.Expression]:
    """Return the patterns of a search, or the `Param`s that stand for them, as many as a search can have."""
    if isinstance(search, Param):
        return [Param(search.name, Pattern(number)) for number in range(MOST_WORDS)]
    return patterns_of(str(search))
