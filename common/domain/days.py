"""Calendar days and the instants they begin at."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from django.utils import timezone

# Python's calendar ends at both sides. A week's margin keeps time zone arithmetic inside it.
_FIRST, _LAST = date.min + timedelta(days=7), date.max - timedelta(days=7)


def within_calendar(day: date) -> date:
    """Return `day`, moved into the range that every time zone can represent."""
    return min(max(day, _FIRST), _LAST)


def day_of(instant: datetime) -> date:
    """The calendar day of an instant in the project's time zone."""
    # `timezone.localdate` asks first whether the thread has another zone, which takes it longer than all the rest.
    return instant.astimezone(timezone.get_default_timezone()).date()


def midnight(day: date, zone: tzinfo | None = None) -> datetime:
    """The instant a day begins in a time zone, the project's unless another is named."""
    return timezone.make_aware(datetime.combine(within_calendar(day), time.min), zone)
