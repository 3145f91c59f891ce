"""Fewer samples with the same shape, for a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vehicles.telematics.samples import Reading, Samples

MIN_POINTS, MAX_POINTS = 2, 10_000


def downsample(samples: Samples, points: int) -> Samples:
    """At most `points` of the samples: the first, the last, and of equal shares of those between the two at which the
    speed is lowest and highest, so that no stop and no peak is lost.

    Where no sample has a speed, the fuel rate decides, else the odometer.
    """
    count = len(samples.t)
    if count <= points:
        return samples
    column = next((c for c in samples.readings if any(value is not None for value in c)), samples.speed)
    shares = (points - 2) // 2
    places = {0, count - 1}
    for share in range(shares):
        between = range(1 + (count - 2) * share // shares, 1 + (count - 2) * (share + 1) // shares)
        places.update(_extremes(column, between))
    return samples.at(sorted(places))


def _extremes(column: Sequence[Reading], places: range) -> Iterator[int]:
    taken = [place for place in places if column[place] is not None] or places[:1]
    if len(taken) == 1:
        yield taken[0]
        return
    yield min(taken, key=column.__getitem__)  # type: ignore[arg-type]  # none of them is None
    yield max(taken, key=column.__getitem__)  # type: ignore[arg-type]
