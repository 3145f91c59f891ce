"""Read the samples of a vehicle and their summary."""

from __future__ import annotations

from django.db.models import Sum

from common.domain.errors import Invalid
from vehicles.models import TelematicsBatch
from vehicles.telematics.downsampling import downsample
from vehicles.telematics.packing import unpack
from vehicles.telematics.samples import Samples, merge_batches
from vehicles.telematics.summaries import Summary, summarize

# A response holds a little more than a day at one sample a second. A summary or a downsampled list reads 140 hours.
MAX_RETURNED = 100_000
MAX_READ = 500_000


class TooManySamplesInRange(Invalid):
    code = "too_many_samples"
    title = "Too many samples"
    message = "There are too many samples in this range."


def get_samples(
    *, vehicle_id: int, since: int | None = None, until: int | None = None, points: int | None = None
) -> Samples:
    """Return a vehicle's samples from `since` to `until`, by time.

    Both bounds are inclusive milliseconds since 1970, UTC. None is an open bound. `points` downsamples the result
    (`downsample`). Raises TooManySamplesInRange for more than about 100,000 samples without `points`, and for more than
    about 500,000 with it.
    """
    if points is None:
        return _read(
            vehicle_id, since, until, MAX_RETURNED, "Narrow `from` and `to`, or ask for fewer `points`."
        )
    return downsample(_read(vehicle_id, since, until, MAX_READ, "Narrow `from` and `to`."), points)


def get_summary(*, vehicle_id: int, since: int | None = None, until: int | None = None) -> Summary:
    """Return distance, fuel and driving time of the samples from `since` to `until` (as in `get_samples`).

    Raises TooManySamplesInRange for more than about 500,000 samples.
    """
    return summarize(_read(vehicle_id, since, until, MAX_READ, "Narrow `from` and `to`."))


def _read(vehicle_id: int, since: int | None, until: int | None, limit: int, advice: str) -> Samples:
    batches = TelematicsBatch.objects.filter(vehicle_id=vehicle_id).within(since, until)
    # The count comes before the blocks are read and unpacked. Batches that reach over a bound count with all samples.
    count = batches.aggregate(samples=Sum("count"))["samples"] or 0
    if count > limit:
        raise TooManySamplesInRange(
            f"There are about {count:,} samples in this range, and the limit is {limit:,}. {advice}"
        )
    blocks = batches.order_by("id").values_list("data", "count")
    return merge_batches([unpack(bytes(data), number) for data, number in blocks]).between(since, until)
