"""The starts that Intake offers: now, if a bay is free, and the free starts of the next days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_date

from appointments.holds import no_free_bay
from appointments.models import Bay, Location, ServiceType
from appointments.queries import (
    find_free_slots,
    free_until,
    get_appointment_length,
    last_bookable_day,
    local_time,
)
from appointments.slots import Slot
from desk.intake.forms import NOW

DAYS = 3
FEW = 8
_SEARCHED = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class Start:
    """A start with its value in the form: an instant, or `now`."""

    value: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    few: list[Start]
    more: list[Start]


@dataclass(frozen=True, slots=True)
class Starts:
    """Days with their starts, and why a walk-in is not among those of today, with what can be done about it."""

    days: list[Day]
    why_not_now: str = ""


def find_starts(
    location: Location,
    services: Iterable[ServiceType],
    *,
    first: date,
    now: datetime,
    bay: Bay | None = None,
    can_leave: bool = False,
) -> Starts:
    """Return the starts of up to three days from `first` on that have any. A constant number of queries.

    `can_leave` is whether the page also offers to leave the vehicle without a bay.
    """
    length = get_appointment_length(services)
    last = min(first + _SEARCHED, last_bookable_day(location, now))
    days: dict[date, list[Start]] = {}
    today = local_time(location, now).date()
    why_not_now = ""
    if first <= today:
        if start := _walk_in(location, length, now=now, bay=bay):
            days[today] = [start]
        else:
            why_not_now = _why_not_now(location, length, now=now, bay=bay, can_leave=can_leave)
    slots: Iterable[Slot] = ()
    if first <= last:
        slots = find_free_slots(
            location=location, first=max(first, today), last=last, length=length, now=now, bay=bay
        )
    return Starts(by_day(location, slots, days), why_not_now)


def by_day(
    location: Location, slots: Iterable[Slot], days: dict[date, list[Start]] | None = None
) -> list[Day]:
    """Return slots by their local day, those of the first three days. `days` has starts that come before."""
    days = {} if days is None else days
    for slot in slots:
        local = local_time(location, slot.start)
        if local.date() not in days and len(days) == DAYS:
            break
        value = slot.start.astimezone(UTC).isoformat()
        days.setdefault(local.date(), []).append(Start(value, f"{local:%H:%M}"))
    return [Day(day, starts[:FEW], starts[FEW:]) for day, starts in days.items()]


def first_day(text: str, today: date) -> date:
    """Return the day that a text names, at least today."""
    try:
        return max(parse_date(text) or today, today)
    except ValueError:
        return today


def _walk_in(location: Location, length: timedelta, *, now: datetime, bay: Bay | None) -> Start | None:
    for free, until in free_until(location, now):
        if (bay is None or free == bay) and (until is None or until - now >= length):
            hint = "" if until is None else f"until {_until(location, until, now)}"
            return Start(NOW, f"{free.name} is free now", hint)
    return None


def _until(location: Location, until: datetime, now: datetime) -> str:
    """Return a time to come as `11:00`, with its day if that is not today."""
    local, today = local_time(location, until), local_time(location, now).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    is_close = local.date() < today + timedelta(days=7)
    return f"{local:%a %H:%M}" if is_close else f"{local:%a} {local.day} {local:%b %H:%M}"


def _why_not_now(
    location: Location, length: timedelta, *, now: datetime, bay: Bay | None, can_leave: bool
) -> str:
    error = no_free_bay(location, length, now=now, bay=bay)
    next_free: Any = error.facts["next_free"]
    if next_free is None:
        return error.text
    at = _until(location, next_free["start"], now)
    until = f"{bay} is not free before {at}." if bay else f"No bay is free before {at}."
    return f"{until} {'Leave the car here without a bay, or choose' if can_leave else 'Choose'} a start."
