"""When a visit may start: a location's hours on a day, as instants. No query here, and no clock.

Hours are kept as a clock on the location's wall shows them. A day on which clocks are turned has 23 or 25 hours; every
slot on it is an instant that exists and stands in the list once (docs/design, D34).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=30)
SHORTEST = timedelta(minutes=30)  # a visit without services
LONGEST = timedelta(days=1)  # no visit outlasts the hours of one day
DAYS_AHEAD = 90
_MOMENT = timedelta(microseconds=1)


class Slot(NamedTuple):
    """`[start, end)` in UTC."""

    start: datetime
    end: datetime


def open_on(day: date, *, opens: time, closes: time, zone: ZoneInfo) -> Slot:
    """From the instant the location opens on `day` to the one it closes: one stretch, within which the wall never shows
    a time outside the hours."""
    start, again = (_shown(day, opens, zone) * 2)[:2]
    end = next(instant for instant in _shown(day, closes, zone) if instant >= start)
    # Clocks turned back to before it opens: it opens when they have come round, and not twice.
    if start < again < end and (again - _MOMENT).astimezone(zone).time() < opens:
        start = again
    return Slot(start, end)


def _shown(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    """The instants, in order, at which the wall shows that time: two where clocks are turned back over it. A time that
    clocks skip counts as shown at the skip."""
    wall = datetime.combine(day, at)
    while True:
        readings = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        if found := [r for r in sorted(readings) if r.astimezone(zone).replace(tzinfo=None) == wall]:
            return found
        wall = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)


def slots_within(hours: Slot, length: timedelta) -> Iterator[Slot]:
    """Every 30 minutes from opening, as long as a visit of that length ends before closing."""
    start = hours.start
    while start + length <= hours.end:
        yield Slot(start, start + length)
        start += STEP


class Bays:
    """The bays of a location and what holds them. The visits to one bay never overlap: the database forbids it."""

    def __init__(self, ids: Iterable[int], visits: Iterable[tuple[int, datetime, datetime]]) -> None:
        self._held: dict[int, list[Slot]] = {bay: [] for bay in ids}
        for bay, start, end in sorted(visits):
            if bay in self._held:
                self._held[bay].append(Slot(start, end))

    def free(self, slot: Slot) -> int | None:
        """The first bay that nothing holds during `slot`, in the order they were given."""
        for bay, held in self._held.items():
            # The last visit that starts before the slot ends is the only one that can reach into it.
            before = bisect_left(held, slot.end, key=lambda visit: visit.start)
            if not before or held[before - 1].end <= slot.start:
                return bay
        return None
