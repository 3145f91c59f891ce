"""Reduce samples to the number of points that a chart needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vehicles.telematics.samples import Reading, Samples

MIN_POINTS, MAX_POINTS = 2, 10_000


def downsample(samples: Samples, points: int) -> Samples:
    """Return at most `points` of the samples, with the first and the last.

    The samples between are divided into equal shares. Of each share the samples with the lowest and the highest speed
    are kept, so that no stop and no peak is lost. If no sample has a speed, the fuel rate decides, then the odometer.
    """
    count = len(samples.t)
    if count <= points:
        return samples
    column = next((c for c in samples.readings if any(value is not None for value in c)), samples.speed)
    shares = (points - 2) // 2
    indexes = {0, count - 1}
    for share in range(shares):
        between = range(1 + (count - 2) * share // shares, 1 + (count - 2) * (share + 1) // shares)
        indexes.update(_extremes(column, between))
    return samples.take(sorted(indexes))


def _extremes(column: Sequence[Reading], indexes: range) -> Iterator[int]:
    present = [index for index in indexes if column[index] is not None] or indexes[:1]
    if len(present) == 1:
        yield present[0]
        return
    yield min(present, key=column.__getitem__)  # type: ignore[arg-type]  # none of the values is None
    yield max(present, key=column.__getitem__)  # type: ignore[arg-type]
