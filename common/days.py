"""Calendar days as instants: bounds that an index can find, where a cast of every row's instant to a day could not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from django.db import models
from django.utils import timezone

from common.reads.arguments import Arg

# Python's calendar ends; nothing is as old or as far away as a week from there.
_FIRST, _LAST = date.min + timedelta(days=7), date.max - timedelta(days=7)
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)  # of UTC


def _within(day: date) -> date:
    return min(max(day, _FIRST), _LAST)


def day_of(instant: datetime) -> date:
    """The calendar day of an instant in the project's time zone."""
    # `timezone.localdate` asks first whether the thread has another zone, which takes it longer than all the rest.
    return instant.astimezone(timezone.get_default_timezone()).date()


def midnight(day: date, zone: tzinfo | None = None) -> datetime:
    """The instant a day begins in a time zone, the project's unless another is named."""
    return timezone.make_aware(datetime.combine(_within(day), time.min), zone)


class Midnight(models.DateTimeField[Any, Any]):
    """Binds a day as the instant that it, or the one so many days later, begins in the project's time zone."""

    def __init__(self, *, later: int = 0) -> None:
        super().__init__()
        self.later = timedelta(days=later)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(midnight(_within(value) + self.later), connection, prepared)


class DayBeginsSomewhere(models.DateTimeField[Any, Any]):
    """Binds a day as the instant that it begins where the clocks are furthest ahead."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        begins = midnight(value, UTC) - _AHEAD
        return super().get_db_prep_value(begins, connection, prepared)


class DayEndsSomewhere(models.DateTimeField[Any, Any]):
    """Binds a day as the instant that it ends where they are furthest behind."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        ends = midnight(value, UTC) + timedelta(days=1) + _BEHIND
        return super().get_db_prep_value(ends, connection, prepared)


def bound(day: Any, stored: models.DateTimeField[Any, Any]) -> models.Expression:
    """The day, or the hole for one, bound by `stored`."""
    return Arg(day.name, stored) if isinstance(day, Arg) else models.Value(day, stored)
