"""Samples by column, and what a sample may say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from math import isfinite
from operator import lt
from types import NoneType
from typing import NamedTuple, TypeVar, cast

Reading = float | None
Value = TypeVar("Value")

MAX_SAMPLES = 10_000  # a batch
MAX_SPAN = timedelta(hours=24)
MAX_SPAN_MS = MAX_SPAN // timedelta(milliseconds=1)
# No dongle is older. What falls before are clocks that were never set, and seconds sent for milliseconds.
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
LATEST = 2**53  # the largest whole number that every JSON reader keeps
# Beyond what wheels do: the fastest car drives 330 mph, the busiest ones are scrapped before 4 million miles, and an
# OBD fuel rate ends at 866 gal/h. The odometer's bound matters most: a vehicle's never comes down again.
HIGHEST = {"speed": 400, "fuel_rate": 1_000, "odometer": 10_000_000}


class Samples(NamedTuple):
    """Readings by column, all of one length, in order of time and one for each `t`; None where none was taken."""

    t: Sequence[int]  # milliseconds since 1970, UTC
    speed: Sequence[Reading]  # miles an hour
    fuel_rate: Sequence[Reading]  # gallons an hour
    odometer: Sequence[Reading]  # miles

    def between(self, since: int | None, until: int | None) -> Samples:
        """Those of the closed interval; a bound that is None is open."""
        first = 0 if since is None else bisect_left(self.t, since)
        last = len(self.t) if until is None else bisect_right(self.t, until)
        kept = slice(first, last)
        return Samples(self.t[kept], self.speed[kept], self.fuel_rate[kept], self.odometer[kept])

    def at(self, places: Sequence[int]) -> Samples:
        """Those at the given places, which rise."""
        return Samples(_at(self.t, places), *(_at(column, places) for column in self.readings))

    @property
    def readings(self) -> tuple[Sequence[Reading], Sequence[Reading], Sequence[Reading]]:
        """The columns beside `t`."""
        return self.speed, self.fuel_rate, self.odometer


def _at(column: Sequence[Value], places: Sequence[int]) -> list[Value]:
    return [column[place] for place in places]


class WrongSampleError(ValueError):
    """The sample at place `at` has something in `column` that cannot be; `rule` says what could."""

    def __init__(self, at: int, column: str, rule: str) -> None:
        self.at, self.column, self.rule = at, column, rule
        super().__init__(f"[{at}].{column} {rule}")


def checked(
    t: Sequence[int], speed: Sequence[Reading], fuel_rate: Sequence[Reading], odometer: Sequence[Reading]
) -> Samples:
    """Samples of columns as they came: put in order of time, the first one kept where several have the same `t`.

    Whole columns are asked, not each value: ten thousand samples take a millisecond. Raises WrongSampleError.
    """
    if set(map(type, t)) - {int} or (t and not EARLIEST <= min(t) <= max(t) <= LATEST):
        _name_wrong("t", t, (int,), EARLIEST, LATEST)
    for name, column in (("speed", speed), ("fuel_rate", fuel_rate), ("odometer", odometer)):
        if not _is_possible(column, HIGHEST[name]):
            _name_wrong(name, column, (int, float, NoneType), 0, HIGHEST[name])
    return in_order(Samples(t, speed, fuel_rate, odometer))


def _is_possible(column: Sequence[Reading], highest: int) -> bool:
    kinds = set(map(type, column))
    if not kinds <= {int, float, NoneType}:  # a bool is an int to Python, and no reading
        return False
    values = cast("Sequence[float]", column)
    if NoneType in kinds:
        values = [value for value in column if value is not None]
    # A NaN compares as it likes, depending on where it stands; a sum it always spoils.
    return not values or (min(values) >= 0 and max(values) <= highest and isfinite(sum(values)))


def _name_wrong(
    name: str, column: Sequence[Reading], kinds: Collection[type], lowest: int, highest: int
) -> None:
    if name == "t":
        rule = "must be whole milliseconds since 1970, not before the year 2000."
    else:
        rule = f"must be a number from 0 to {highest:,}, or null."
    for at, value in enumerate(column):
        if type(value) not in kinds or (value is not None and not lowest <= value <= highest):
            raise WrongSampleError(at, name, rule)


def in_order(samples: Samples) -> Samples:
    t = samples.t
    if all(map(lt, t, t[1:])):
        return samples
    by_time = sorted(range(len(t)), key=t.__getitem__)  # stable: the first of several stays the first
    return samples.at(by_time[:1] + [place for before, place in pairwise(by_time) if t[before] < t[place]])


def merged(parts: Sequence[Samples]) -> Samples:
    """The samples of batches in the order in which they arrived: each `t` counts once, and the first one wins."""
    by_time = sorted(parts, key=lambda part: part.t[0])
    if any(one.t[-1] >= other.t[0] for one, other in pairwise(by_time)):
        return _woven(parts)
    return Samples(
        _chained(part.t for part in by_time),
        _chained(part.speed for part in by_time),
        _chained(part.fuel_rate for part in by_time),
        _chained(part.odometer for part in by_time),
    )


def _chained(columns: Iterable[Sequence[Value]]) -> list[Value]:
    return list(chain.from_iterable(columns))


def _woven(parts: Sequence[Samples]) -> Samples:
    rows: dict[int, tuple[Reading, ...]] = {}
    for part in parts:
        for t, *readings in zip(*part, strict=True):
            rows.setdefault(t, tuple(readings))
    times = sorted(rows)
    return Samples(times, *map(list, zip(*(rows[t] for t in times), strict=True)))
