"""Fields that bind a calendar day as an instant.

A range of instants can use an index. Casting each row's instant to a day could not.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django.db import models

from common.domain.days import midnight, within_calendar
from common.reads.params import Param

_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)  # the time zones furthest from UTC


class StartOfDay(models.DateTimeField[Any, Any]):
    """Bind a day as the instant it begins in the project's time zone, or the day `later` days after it."""

    def __init__(self, *, later: int = 0) -> None:
        super().__init__()
        self.later = timedelta(days=later)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(midnight(within_calendar(value) + self.later), connection, prepared)


class StartOfNextMonth(models.DateTimeField[Any, Any]):
    """Bind the first day of a month as the instant the next month begins in the project's time zone."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        following = value.replace(year=value.year + value.month // 12, month=value.month % 12 + 1)
        return super().get_db_prep_value(midnight(following), connection, prepared)


class EarliestStartOfDay(models.DateTimeField[Any, Any]):
    """Bind a day as the instant it begins in the time zone furthest ahead of UTC."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        begins = midnight(value, UTC) - _AHEAD
        return super().get_db_prep_value(begins, connection, prepared)


class LatestEndOfDay(models.DateTimeField[Any, Any]):
    """Bind a day as the instant it ends in the time zone furthest behind UTC."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        ends = midnight(value, UTC) + timedelta(days=1) + _BEHIND
        return super().get_db_prep_value(ends, connection, prepared)


def bind_day(day: Any, stored: models.DateTimeField[Any, Any]) -> models.Expression:
    """Return the day, or the `Param` that stands for one, bound through `stored`."""
    return Param(day.name, stored) if isinstance(day, Param) else models.Value(day, stored)
