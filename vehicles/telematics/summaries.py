"""Distance, fuel and driving time of samples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from vehicles.telematics.distance import follow_odometer
from vehicles.telematics.samples import Reading, Samples

# The time between two samples further apart than this is not counted: the car was parked, or the dongle was unplugged.
MAX_GAP_MS = 5 * 60 * 1000
_MS_PER_HOUR = 3_600_000


class Summary(NamedTuple):
    samples: int
    distance: float  # miles
    fuel: float  # gallons
    driving_seconds: float


def summarize(samples: Samples) -> Summary:
    """Return the summary of samples.

    The distance is the sum of the odometer's plausible steps (`follow_odometer`), or comes from the speed if fewer than
    two samples have an odometer reading. The fuel is the integral of the fuel rate. Driving time is the time between
    two samples of which the first has a speed.
    """
    return Summary(
        samples=len(samples.t),
        distance=_distance(samples),
        fuel=_integral(samples.t, samples.fuel_rate) / _MS_PER_HOUR,
        driving_seconds=sum(
            later - t
            for (t, later), speed in zip(pairwise(samples.t), samples.speed, strict=False)
            if speed and later - t <= MAX_GAP_MS
        )
        / 1000,
    )


def _distance(samples: Samples) -> float:
    course = follow_odometer(samples)
    if course.readings < 2:
        return _integral(samples.t, samples.speed) / _MS_PER_HOUR
    return course.distance


def _integral(t: Sequence[int], rates: Sequence[Reading]) -> float:
    """Return Σ rate × milliseconds by the trapezoidal rule. Missing readings are skipped, long gaps are not bridged."""
    present = [(at, rate) for at, rate in zip(t, rates, strict=True) if rate is not None]
    return sum(
        (rate + next_rate) / 2 * (later - at)
        for (at, rate), (later, next_rate) in pairwise(present)
        if later - at <= MAX_GAP_MS
    )
