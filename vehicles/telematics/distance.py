"""Tell plausible odometer readings of samples from zero, stuck, restarted and impossible ones (docs/design, D43)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import sub, truediv
from typing import NamedTuple

from vehicles.telematics.samples import Reading, Samples

MAX_MPH = 200
_COARSE = 1.0  # miles
# The differences of floats may be above the bound by their rounding.
_MAX_MILES_PER_MS = MAX_MPH / 3_600_000 * (1 + 1e-9)


class Newest(NamedTuple):
    """The newest plausible reading."""

    t: int  # milliseconds since 1970, UTC
    miles: float


class Course(NamedTuple):
    """The course of an odometer over samples. `readings` are the samples whose reading is neither missing nor 0."""

    readings: int
    distance: float  # miles: the sum of the plausible steps
    newest: Newest | None


def follow_odometer(samples: Samples) -> Course:
    """Return the course of the odometer. A step down, or one above 200 mph, is not plausible.

    A step begins at the last plausible reading, so that a single wrong reading costs nothing. A step of up to a mile
    may take the time since that figure first appeared, because coarse odometers jump by a mile or a kilometre. After an
    implausible reading the readings that rise plausibly from it are followed, because the odometer has restarted. A
    first reading that only contradictory readings follow is not the newest.
    """
    t, miles = _present(samples.t, samples.odometer)
    if not miles:
        return Course(0, 0.0, None)
    if _is_plausible(t, miles):
        return Course(len(miles), miles[-1] - miles[0], Newest(t[-1], miles[-1]))
    return _follow(t, miles)


def _present(t: Sequence[int], odometer: Sequence[Reading]) -> tuple[Sequence[int], Sequence[float]]:
    if all(odometer):
        return t, odometer  # type: ignore[return-value]  # none is None
    return list(compress(t, odometer)), [value for value in odometer if value]


def _is_plausible(t: Sequence[int], miles: Sequence[float]) -> bool:
    """Return whether every step is plausible, from whole columns, because a loop would take several times as long."""
    if len(miles) == 1:
        return True
    steps = list(map(sub, miles[1:], miles))
    if min(steps) < 0:
        return False
    times = list(map(sub, t[1:], t))
    if max(steps) <= min(times) * _MAX_MILES_PER_MS:
        return True
    fastest: float = max(map(truediv, steps, times))
    return fastest <= _MAX_MILES_PER_MS


def _follow(t: Sequence[int], miles: Sequence[float]) -> Course:
    distance = 0.0
    since, figure, seen, is_confirmed = t[0], miles[0], t[0], False
    suspect: Newest | None = None
    for at, value in zip(t[1:], miles[1:], strict=True):
        step = value - figure
        begin = since if step <= _COARSE else seen
        if 0 <= step <= (at - begin) * _MAX_MILES_PER_MS:
            distance += step
        elif suspect is not None and 0 < value - suspect.miles <= (at - suspect.t) * _MAX_MILES_PER_MS:
            distance += value - suspect.miles
        else:
            if suspect is None or value != suspect.miles:
                suspect = Newest(at, value)
            continue
        if value != figure:
            since, figure = at, value
        seen, is_confirmed, suspect = at, True, None
    is_known = is_confirmed or suspect is None
    return Course(len(miles), distance, Newest(seen, figure) if is_known else None)
