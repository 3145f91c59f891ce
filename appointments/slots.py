"""Compute the slots of a day from a location's opening hours. No queries and no clock.

Opening hours are local times. A day on which the clocks change has 23 or 25 hours. Every slot on such a day is an
instant that exists and is listed once (docs/decisions/0015).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=30)
SHORTEST = timedelta(minutes=30)  # an appointment without services
OVERRUN = timedelta(minutes=30)  # for which work in progress holds its bay at least, from now on
LONGEST = timedelta(days=1)  # an appointment ends within the opening hours of one day
DAYS_AHEAD = 90
MIDNIGHT = time(0)  # as the end of hours: the end of the day
_RESOLUTION = timedelta(microseconds=1)


class Slot(NamedTuple):
    """`[start, end)` in UTC."""

    start: datetime
    end: datetime


def opening_of_day(day: date, *, opens: time, closes: time, zone: ZoneInfo) -> Slot:
    """Return the instants at which the location opens and closes on `day`.

    A location opens once a day. The local time between the two instants is never outside the hours.
    """
    start, again = (_instants_of(day, opens, zone) * 2)[:2]
    end = next(instant for instant in _ends_of(day, closes, zone) if instant >= start)
    # Clocks that go back to a time before the opening time: the location opens when they reach it again.
    if start < again < end and (again - _RESOLUTION).astimezone(zone).time() < opens:
        start = again
    return Slot(start, end)


def closed_hours(day: date, *, begins: time, ends: time, zone: ZoneInfo) -> Slot:
    """Return the instants between which a location is closed on `day`. An hour that comes twice is closed twice."""
    return Slot(_instants_of(day, begins, zone)[0], _ends_of(day, ends, zone)[-1])


def format_closing(at: time) -> str:
    """Write a time at which hours end. Midnight is 24:00."""
    return "24:00" if at == MIDNIGHT else f"{at:%H:%M}"


def _ends_of(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    return _instants_of(day + timedelta(days=1) if at == MIDNIGHT else day, at, zone)


def _instants_of(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    """Return the instants with that local time, in order.

    There are two where the clocks go back. A local time that the clocks skip has the instant of the skip.
    """
    wall = datetime.combine(day, at)
    while True:
        readings = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        if found := [r for r in sorted(readings) if r.astimezone(zone).replace(tzinfo=None) == wall]:
            return found
        wall = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)


def slots_within(hours: Slot, length: timedelta, closed: Sequence[Slot] = ()) -> Iterator[Slot]:
    """Yield a slot every 30 minutes from the opening on, as long as the slot ends by the closing.

    `closed` are hours within them at which the location is closed.
    """
    start = hours.start
    while start + length <= hours.end:
        slot = Slot(start, start + length)
        if not overlaps(slot, closed):
            yield slot
        start += STEP


def overlaps(slot: Slot, closed: Iterable[Slot]) -> bool:
    return any(hours.start < slot.end and slot.start < hours.end for hours in closed)


class BaySchedule:
    """The bays of a location and the times at which appointments hold them.

    A database constraint forbids that the times of one bay overlap. Only work that takes longer than planned reaches
    into the next appointment. Both are one time here.
    """

    def __init__(self, ids: Iterable[int], appointments: Iterable[tuple[int, datetime, datetime]]) -> None:
        self._held: dict[int, list[Slot]] = {bay: [] for bay in ids}
        for bay, start, end in sorted(appointments):
            if bay not in self._held:
                continue
            held = self._held[bay]
            if held and start < held[-1].end:
                held[-1] = Slot(held[-1].start, max(held[-1].end, end))
            else:
                held.append(Slot(start, end))

    def first_free(self, slot: Slot) -> int | None:
        """Return the first bay that is free for the whole slot, in the order given, or None."""
        for bay, held in self._held.items():
            # Only the last appointment that starts before the slot ends can overlap the slot.
            before = bisect_left(held, slot.end, key=lambda appointment: appointment.start)
            if not before or held[before - 1].end <= slot.start:
                return bay
        return None

    def free_bays(self, slot: Slot) -> list[int]:
        """Return the bays that are free for the whole slot, in the order given."""
        return [bay for bay, held in self._held.items() if not overlaps(slot, held)]

    def next_free(self, after: datetime, length: timedelta) -> tuple[datetime, int] | None:
        """Return the first instant from `after` on at which a bay is free for that length, and the bay."""
        found = [
            (_first_gap(held, after, length), number, bay)
            for number, (bay, held) in enumerate(self._held.items())
        ]
        if not found:
            return None
        start, _, bay = min(found)
        return start, bay


def _first_gap(held: Iterable[Slot], after: datetime, length: timedelta) -> datetime:
    for slot in held:
        if slot.start >= after + length:
            break
        after = max(after, slot.end)
    return after
