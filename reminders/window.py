"""The hours in which a person is reminded, as pure functions (docs/design, D139)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

FIRST, LAST = time(8), time(21)  # local time; the last is exclusive
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?")
_LARGEST = timedelta(hours=14)


def next_in_window(instant: datetime, zone: tzinfo) -> datetime:
    """Return the first instant from this one on that is within 08:00 and 21:00 of the zone, in UTC."""
    local = instant.astimezone(zone)
    if FIRST <= local.time() < LAST:
        return instant
    day = local.date() if local.time() < FIRST else local.date() + timedelta(days=1)
    return datetime.combine(day, FIRST, zone).astimezone(UTC)


def time_to_send(instant: datetime, zone: tzinfo, *, before: datetime | None = None) -> datetime:
    """Return when a reminder is sent: in the window, unless `before` is earlier than its next opening.

    What ends in the night is told in the night.
    """
    opening = next_in_window(instant, zone)
    return instant if before is not None and opening >= before else opening


def find_zone(name: str) -> tzinfo | None:
    """Return the zone of an IANA name or of an offset like `UTC-5` or `+05:30`, None for any other text."""
    if name in _names():
        return ZoneInfo(name)
    found = _OFFSET.fullmatch(name.strip().upper())
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > _LARGEST or int(minutes or 0) > 59:
        return None
    return timezone(-offset if sign == "-" else offset)


@cache
def _names() -> set[str]:
    """Return the names of all zones, read once: each reading opens some 600 files."""
    return available_timezones()
