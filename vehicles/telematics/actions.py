"""Store batches of telematics samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from django.db import connection, transaction

from common.domain.errors import Invalid
from vehicles.codes.actions import see_codes
from vehicles.models import Vehicle
from vehicles.telematics.distance import MAX_MPH, follow_odometer
from vehicles.telematics.packing import pack
from vehicles.telematics.samples import MAX_SAMPLES, MAX_SPAN_MS, Samples, from_milliseconds

# A phone's clock may be ahead of the server's by this much.
CLOCK_SKEW = timedelta(minutes=5)
MAX_CODES = 100  # in one batch
_CENT = Decimal("0.01")
# SQL, because `bulk_create(ignore_conflicts=True)` does not report whether it inserted the row, and on SQLite it
# ignores violated checks as well.
_INSERT = """
    INSERT INTO vehicles_telematicsbatch (vehicle_id, start, "end", count, data)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (vehicle_id, start, "end") DO NOTHING
"""
# The conditions of a reading are on the vehicle's row alone, which the UPDATE locks and reads anew. A look at the
# ledger would see it as it was before a parallel batch.
_RAISE_ODOMETER = """
    UPDATE vehicles_vehicle SET odometer = %s, odometer_at = %s {}
    AND odometer < %s AND (odometer_at IS NULL OR (odometer_at <= %s AND %s - odometer <= {}))
"""
_READING = """
    INSERT INTO vehicles_odometerreading (vehicle_id, miles, source, at, note, base, accepted)
"""
_READ = "'TELEMATICS', %s, '', false, true"
_RAISE_ON_SQLITE = _RAISE_ODOMETER.format(
    "WHERE id = %s", f"(julianday(%s) - julianday(odometer_at)) * 24 * {MAX_MPH} + 0.01"
)
_READING_ON_SQLITE = f"{_READING} VALUES (%s, %s, {_READ})"
# All statements in one. It is atomic without BEGIN and COMMIT, each of which costs a round trip to the server.
_INSERT_AND_RAISE_ODOMETER = f"""
    WITH stored AS ({_INSERT} RETURNING vehicle_id),
    raised AS (
        {
    _RAISE_ODOMETER.format(
        "FROM stored WHERE id = stored.vehicle_id",
        f"extract(epoch FROM %s - odometer_at) / 3600 * {MAX_MPH} + 0.01",
    )
}
        RETURNING id
    ),
    reading AS ({_READING} SELECT id, %s, {_READ} FROM raised)
    SELECT vehicle_id FROM stored
"""  # noqa: S608  # built from constants


class NoSamples(Invalid):
    code = "no_samples"
    title = "Batch is empty"
    message = "A batch must have at least one sample."


class TooManySamples(Invalid):
    code = "too_many_samples"
    title = "Batch is too large"
    message = f"A batch can have at most {MAX_SAMPLES:,} samples."


class TooManyCodes(Invalid):
    code = "too_many_codes"
    title = "Batch is too large"
    message = f"A batch can have at most {MAX_CODES} different trouble codes."


class EndsBeforeStart(Invalid):
    code = "ends_before_start"
    title = "Batch ends before it starts"
    message = "The batch ends before it starts. The end must not be earlier than the start."


class SpansTooLong(Invalid):
    code = "spans_too_long"
    title = "Batch is too long"
    message = "A batch can span at most 24 hours."


class InTheFuture(Invalid):
    code = "in_the_future"
    title = "Batch is from the future"
    message = "The batch ends in the future. Set the clock of the device."


class OutsideSpan(Invalid):
    code = "sample_outside_span"
    title = "Sample outside the batch"
    message = "Every sample must lie between the start and the end of the batch."


def record_batch(
    *,
    vehicle_id: int,
    start: int,
    end: int,
    samples: Samples,
    now: datetime,
    codes: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> bool:
    """Store the samples from `start` to `end` (milliseconds since 1970, UTC), all or none.

    Return True if the batch is new, and False if a batch with the same vehicle, start and end is already stored. That
    batch is left unchanged. The vehicle's odometer rises to the newest plausible reading, which becomes a row of the
    ledger, and never goes down. No history row is written for it, since the ledger records it. `codes` are the times
    at which trouble codes were seen, which only a new batch reports. Raises NoSamples, TooManySamples, TooManyCodes,
    EndsBeforeStart, SpansTooLong, InTheFuture, OutsideSpan.
    """
    _check(start, end, samples, now)
    if len(codes) > MAX_CODES:
        raise TooManyCodes(field="samples")
    newest = follow_odometer(samples).newest
    miles = None if newest is None else Decimal(str(newest.miles)).quantize(_CENT, ROUND_HALF_UP)
    at = None if newest is None else from_milliseconds(newest.t)
    batch = (vehicle_id, start, end, len(samples.t), pack(samples))
    if not codes:
        return _store(batch, miles, at)
    with transaction.atomic():
        is_new = _store(batch, miles, at)
        if is_new:
            see_codes(
                vehicle=Vehicle(pk=vehicle_id),
                seen={code: [from_milliseconds(t) for t in times] for code, times in codes.items()},
            )
    return is_new


def _store(batch: tuple[int, int, int, int, bytes], miles: Decimal | None, at: datetime | None) -> bool:
    """Return whether the batch is new. If `miles` is None, the odometer stays as it is.

    A reading moves the odometer if it is above it, not earlier, and within 200 mph of it. Half a cent of rounding on
    either side is allowed.
    """
    if miles is None:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, batch)
            return bool(cursor.rowcount)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_INSERT_AND_RAISE_ODOMETER, (*batch, miles, at, miles, at, miles, at, miles, at))
            return bool(cursor.fetchall())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INSERT, batch)
        is_new = bool(cursor.rowcount)
        if is_new:
            stored = connection.ops.adapt_datetimefield_value(at)
            cursor.execute(_RAISE_ON_SQLITE, (miles, stored, batch[0], miles, stored, miles, stored))
            if cursor.rowcount:
                cursor.execute(_READING_ON_SQLITE, (batch[0], miles, stored))
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
