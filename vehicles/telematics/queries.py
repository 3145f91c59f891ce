"""What was read, and what it comes to."""

from __future__ import annotations

from django.db.models import Sum

from common.domain.errors import Invalid
from vehicles.models import TelematicsBatch
from vehicles.telematics.downsampling import downsample
from vehicles.telematics.packing import unpack
from vehicles.telematics.samples import Samples, merged
from vehicles.telematics.summaries import Summary, summarize

# One answer holds a day of a sample a second and some; what is only looked through, 140 hours of them.
MOST_ANSWERED = 100_000
MOST_LOOKED_THROUGH = 500_000


class TooMuch(Invalid):
    code = "too_many_samples"
    title = "Too many samples"
    message = "There are too many samples in this range."


def samples_of(
    *, vehicle_id: int, since: int | None = None, until: int | None = None, points: int | None = None
) -> Samples:
    """A vehicle's samples from `since` to `until` inclusive (milliseconds since 1970, UTC; None is open), by time.

    `points` thins them out (`downsample`). Raises TooMuch: without `points` for more than about 100,000 samples, with
    it for more than 500,000.
    """
    if points is None:
        return _read(
            vehicle_id, since, until, MOST_ANSWERED, "Narrow `from` and `to`, or ask for fewer `points`."
        )
    return downsample(_read(vehicle_id, since, until, MOST_LOOKED_THROUGH, "Narrow `from` and `to`."), points)


def summary_of(*, vehicle_id: int, since: int | None = None, until: int | None = None) -> Summary:
    """Distance, fuel and driving time of the same range. Raises TooMuch for more than about 500,000 samples."""
    return summarize(_read(vehicle_id, since, until, MOST_LOOKED_THROUGH, "Narrow `from` and `to`."))


def _read(vehicle_id: int, since: int | None, until: int | None, most: int, advice: str) -> Samples:
    batches = TelematicsBatch.objects.filter(vehicle_id=vehicle_id).within(since, until)
    # Before anything is unpacked. The batches at the edges count whole.
    count = batches.aggregate(samples=Sum("count"))["samples"] or 0
    if count > most:
        raise TooMuch(f"There are about {count:,} samples in this range, and {most:,} is the most. {advice}")
    blocks = batches.order_by("id").values_list("data", "count")
    return merged([unpack(bytes(data), number) for data, number in blocks]).between(since, until)
