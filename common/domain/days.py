"""Calendar days and the instants they begin at."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TypeVar

from django.utils import timezone

Day = TypeVar("Day", bound=date)  # or a datetime, which is a date

# Python's calendar has a first and a last day. A margin of a week keeps time zone arithmetic inside it.
_FIRST, _LAST = date.min + timedelta(days=7), date.max - timedelta(days=7)


def within_calendar(day: date) -> date:
    """Return `day`, moved into the range that every time zone can represent."""
    return min(max(day, _FIRST), _LAST)


def day_of(instant: datetime) -> date:
    """Return the calendar day of an instant in the project's time zone."""
    # `timezone.localdate` first looks up the zone of the thread, which takes longer than everything else here.
    return instant.astimezone(timezone.get_default_timezone()).date()


def add_months(day: Day, months: int) -> Day:
    """Return the day that many months later. A day that the month lacks is its last day: 31 January + 1 = 28 February.

    It is counted from `day` each time, so that 31 January + 2 is 31 March.
    """
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def months_before(day: date, months: int) -> date:
    """Return the first day of the month that is `months` months before the month of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def midnight(day: date, zone: tzinfo | None = None) -> datetime:
    """Return the instant a day begins in `zone`, by default the project's time zone."""
    return timezone.make_aware(datetime.combine(within_calendar(day), time.min), zone)
