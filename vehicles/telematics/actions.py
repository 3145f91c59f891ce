"""What takes readings in."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import connection, transaction

from common.domain.errors import Invalid
from common.reads.statements import fetch
from vehicles.telematics.packing import pack
from vehicles.telematics.samples import MAX_SAMPLES, MAX_SPAN_MS, Samples

# How far a phone's clock may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)
_CENT = Decimal("0.01")
# Written out: the ORM's insert that ignores does not say whether it did, and on SQLite it ignores broken checks too.
_INSERT = """
    INSERT INTO vehicles_telematicsbatch (vehicle_id, start, "end", count, data)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (vehicle_id, start, "end") DO NOTHING
"""
_RAISE = "UPDATE vehicles_vehicle SET odometer = %s WHERE id = %s AND odometer < %s"
# Both at once: a transaction of its own without BEGIN and COMMIT, each of which is a way to the server and back.
_INSERT_AND_RAISE = f"""
    WITH stored AS ({_INSERT} RETURNING vehicle_id),
    raised AS (
        UPDATE vehicles_vehicle SET odometer = %s FROM stored WHERE id = stored.vehicle_id AND odometer < %s
    )
    SELECT vehicle_id FROM stored
"""  # noqa: S608  # of constants


class NoSamples(Invalid):
    code = "no_samples"
    title = "Batch is empty"
    message = "A batch has at least one sample."


class TooManySamples(Invalid):
    code = "too_many_samples"
    title = "Batch is too large"
    message = f"A batch has at most {MAX_SAMPLES:,} samples."


class EndsBeforeStart(Invalid):
    code = "ends_before_start"
    title = "Batch ends before it starts"
    message = "The batch ends before it starts."


class SpansTooLong(Invalid):
    code = "spans_too_long"
    title = "Batch is too long"
    message = "A batch spans at most 24 hours."


class InTheFuture(Invalid):
    code = "in_the_future"
    title = "Batch is from the future"
    message = "The batch ends in the future: the device's clock is wrong."


class OutsideSpan(Invalid):
    code = "sample_outside_span"
    title = "Sample outside the batch"
    message = "Every sample lies between the batch's start and end."


def record_batch(*, vehicle_id: int, start: int, end: int, samples: Samples, now: datetime) -> bool:
    """Store what a dongle read from `start` to `end` (milliseconds since 1970, UTC), whole or not at all.

    A batch with the same vehicle, start and end is stored once: the first one wins, and False says that this one was
    a repetition. The vehicle's odometer follows the newest reading, never backwards; its history does not record
    that, the batches do. Raises NoSamples, TooManySamples, EndsBeforeStart, SpansTooLong, InTheFuture, OutsideSpan.
    """
    _check(start, end, samples, now)
    newest = next((miles for miles in reversed(samples.odometer) if miles is not None), None)
    miles = None if newest is None else Decimal(str(newest)).quantize(_CENT, ROUND_HALF_UP)
    return _store((vehicle_id, start, end, len(samples.t), pack(samples)), miles)


def _store(batch: tuple[int, int, int, int, bytes], miles: Decimal | None) -> bool:
    """Whether the batch is a new one. No `miles` (None) raise nobody's odometer."""
    if connection.vendor == "postgresql":
        return bool(fetch(connection, _INSERT_AND_RAISE, (*batch, miles, miles)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INSERT, batch)
        is_new = bool(cursor.rowcount)
        if is_new:
            cursor.execute(_RAISE, (miles, batch[0], miles))
    return is_new


def _check(start: int, end: int, samples: Samples, now: datetime) -> None:
    if not samples.t:
        raise NoSamples(field="samples")
    if len(samples.t) > MAX_SAMPLES:
        raise TooManySamples(field="samples")
    if end < start:
        raise EndsBeforeStart(field="end")
    if end - start > MAX_SPAN_MS:
        raise SpansTooLong(field="end")
    if end > (now + CLOCK_SKEW).timestamp() * 1000:
        raise InTheFuture(field="end")
    if samples.t[0] < start or samples.t[-1] > end:
        raise OutsideSpan(field="samples")
