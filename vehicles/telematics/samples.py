"""Samples by column, and the limits of their values."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from math import isfinite
from operator import lt
from types import NoneType
from typing import NamedTuple, TypeVar, cast

from common.domain.units import MAX_MILES

Reading = float | None
Value = TypeVar("Value")

MAX_SAMPLES = 10_000  # in one batch
MAX_SPAN = timedelta(hours=24)
MAX_SPAN_MS = MAX_SPAN // timedelta(milliseconds=1)
# Dongles did not exist before the year 2000. An earlier time comes from a clock that was never set, or is in seconds.
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
LATEST = 2**53  # every JSON reader keeps integers up to this one
# Above any possible reading: the fastest car drives 330 mph, and an OBD fuel rate ends at 866 gal/h.
HIGHEST = {"speed": 400, "fuel_rate": 1_000, "odometer": float(MAX_MILES)}


class Samples(NamedTuple):
    """Samples by column, in order of time.

    All columns have the same length. Each `t` occurs once. A reading that was not taken is None.
    """

    t: Sequence[int]  # milliseconds since 1970, UTC
    speed: Sequence[Reading]  # miles per hour
    fuel_rate: Sequence[Reading]  # gallons per hour
    odometer: Sequence[Reading]  # miles

    def between(self, since: int | None, until: int | None) -> Samples:
        """Return the samples from `since` to `until` inclusive. None is an open bound."""
        first = 0 if since is None else bisect_left(self.t, since)
        last = len(self.t) if until is None else bisect_right(self.t, until)
        within = slice(first, last)
        return Samples(self.t[within], self.speed[within], self.fuel_rate[within], self.odometer[within])

    def take(self, indexes: Sequence[int]) -> Samples:
        """Return the samples at the given indexes, which must be ascending."""
        return Samples(_take(self.t, indexes), *(_take(column, indexes) for column in self.readings))

    @property
    def readings(self) -> tuple[Sequence[Reading], Sequence[Reading], Sequence[Reading]]:
        """Return the columns other than `t`."""
        return self.speed, self.fuel_rate, self.odometer


def _take(column: Sequence[Value], indexes: Sequence[int]) -> list[Value]:
    return [column[index] for index in indexes]


class InvalidSampleError(ValueError):
    """The sample at `index` has an impossible value in `column`. `rule` states the possible values."""

    def __init__(self, index: int, column: str, rule: str) -> None:
        self.index, self.column, self.rule = index, column, rule
        super().__init__(f"[{index}].{column} {rule}")


def validate_samples(
    t: Sequence[int], speed: Sequence[Reading], fuel_rate: Sequence[Reading], odometer: Sequence[Reading]
) -> Samples:
    """Return the samples of unvalidated columns, in order of time. Of several with the same `t` the first is kept.

    The checks run on whole columns and not on each value, so that ten thousand samples take a millisecond. Raises
    InvalidSampleError.
    """
    if set(map(type, t)) - {int} or (t and not EARLIEST <= min(t) <= max(t) <= LATEST):
        _raise_first_invalid("t", t, (int,), EARLIEST, LATEST)
    for name, column in (("speed", speed), ("fuel_rate", fuel_rate), ("odometer", odometer)):
        if not _is_valid(column, HIGHEST[name]):
            _raise_first_invalid(name, column, (int, float, NoneType), 0, HIGHEST[name])
    return sort_by_time(Samples(t, speed, fuel_rate, odometer))


def _is_valid(column: Sequence[Reading], highest: float) -> bool:
    kinds = set(map(type, column))
    if not kinds <= {int, float, NoneType}:  # bool is a subclass of int, but not a reading
        return False
    values = cast("Sequence[float]", column)
    if NoneType in kinds:
        values = [value for value in column if value is not None]
    # min() and max() can miss a NaN, depending on its position. The sum of a column with a NaN is always NaN.
    return not values or (min(values) >= 0 and max(values) <= highest and isfinite(sum(values)))


def _raise_first_invalid(
    name: str, column: Sequence[Reading], kinds: Collection[type], lowest: int, highest: float
) -> None:
    if name == "t":
        rule = "must be whole milliseconds since 1970, not before the year 2000."
    else:
        rule = f"must be a number from 0 to {highest:,}, or null."
    for index, value in enumerate(column):
        if type(value) not in kinds or (value is not None and not lowest <= value <= highest):
            raise InvalidSampleError(index, name, rule)


def sort_by_time(samples: Samples) -> Samples:
    """Return the samples in order of time. Of several with the same `t` the first is kept."""
    t = samples.t
    if all(map(lt, t, t[1:])):
        return samples
    by_time = sorted(range(len(t)), key=t.__getitem__)  # stable, so that the first of several stays the first
    return samples.take(by_time[:1] + [index for before, index in pairwise(by_time) if t[before] < t[index]])


def merge_batches(batches: Sequence[Samples]) -> Samples:
    """Return the samples of all batches, in order of time.

    The batches are given in the order of arrival. Of several samples with the same `t` the first to arrive is kept.
    """
    by_time = sorted(batches, key=lambda batch: batch.t[0])
    if any(one.t[-1] >= other.t[0] for one, other in pairwise(by_time)):
        return _merge_overlapping(batches)
    return Samples(
        _concatenate(batch.t for batch in by_time),
        _concatenate(batch.speed for batch in by_time),
        _concatenate(batch.fuel_rate for batch in by_time),
        _concatenate(batch.odometer for batch in by_time),
    )


def _concatenate(columns: Iterable[Sequence[Value]]) -> list[Value]:
    return list(chain.from_iterable(columns))


def _merge_overlapping(batches: Sequence[Samples]) -> Samples:
    rows: dict[int, tuple[Reading, ...]] = {}
    for batch in batches:
        for t, *readings in zip(*batch, strict=True):
            rows.setdefault(t, tuple(readings))
    times = sorted(rows)
    return Samples(times, *map(list, zip(*(rows[t] for t in times), strict=True)))


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the UTC time of milliseconds since 1970, without the rounding of a division to seconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
