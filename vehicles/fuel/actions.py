"""Actions on fuel logs (docs/design, D130)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import transaction

from common.domain import events
from common.domain.changes import change_silently
from vehicles.fuel.consumption import find_legs
from vehicles.fuel.models import FuelLog
from vehicles.locks import lock_in_use
from vehicles.models import OdometerReading, Vehicle
from vehicles.odometer import OdometerBackwards, ReadingInTheFuture, read_odometer

_DAY = timedelta(days=1)


class FuelValues(TypedDict, total=False):
    """Columns of a fuel log that an action may write besides its odometer. The price is that of the whole fill-up."""

    gallons: Decimal
    price: Decimal | None
    is_full: bool
    missed: bool
    notes: str


def add_fuel_log(
    *,
    vehicle: Vehicle,
    miles: Decimal,
    by: int | None,
    now: datetime,
    at: datetime | None = None,
    **values: Unpack[FuelValues],
) -> FuelLog:
    """Log a fill-up of a vehicle in use, now or at an earlier time. Its odometer becomes a reading of the ledger.

    A time of midnight UTC stands for its day. Raises AlreadyArchived, OdometerBackwards, OdometerAhead,
    ReadingInTheFuture.
    """
    with transaction.atomic():
        lock_in_use(vehicle)
        if at is not None and at > now:
            raise ReadingInTheFuture(field="at")
        read_at = at if at is None else _time_of_reading(vehicle, miles, at, now)
        reading = read_odometer(vehicle=vehicle, miles=miles, by=by, now=now, at=read_at, field="miles")
        log = FuelLog.objects.create(
            vehicle=vehicle, at=now if at is None else at, miles=miles, reading=reading, **values
        )
        update_consumption(vehicle_id=vehicle.pk)
        log.refresh_from_db(fields=["mpg"])
        events.record("vehicles.fuellog.created", log, at=now)
        return log


def change_fuel_log(
    *,
    log: FuelLog,
    by: int | None,
    now: datetime,
    miles: Decimal | None = None,
    **values: Unpack[FuelValues],
) -> None:
    """Change a fill-up. A higher odometer is a further reading at its time. A lower one is corrected by staff.

    Raises AlreadyArchived, OdometerBackwards, OdometerAhead, Missing.
    """
    with transaction.atomic():
        lock_in_use(log.vehicle)
        is_changed = change_silently(log, **values)  # also reads the row again
        if miles is not None and miles != log.miles:
            if miles < log.miles:
                raise OdometerBackwards(log.miles, "miles")
            reading = read_odometer(
                vehicle=log.vehicle, miles=miles, by=by, now=now, at=log.reading.at, field="miles"
            )
            is_changed |= change_silently(log, miles=miles, reading=reading)
        if is_changed:
            events.record("vehicles.fuellog.changed", log, at=now)
        update_consumption(vehicle_id=log.vehicle_id)


def remove_fuel_log(*, log: FuelLog) -> None:
    """Remove a fill-up. The reading of the odometer stays in its ledger. Raises AlreadyArchived."""
    with transaction.atomic():
        lock_in_use(log.vehicle)
        events.record_removal(log)
        log.delete()
        update_consumption(vehicle_id=log.vehicle_id)


def follow_correction(wrong: OdometerReading, correction: OdometerReading) -> None:
    """Correct the fill-up whose odometer was corrected. The vehicle is locked."""
    logs = FuelLog.objects.filter(reading=wrong)
    if logs.update(reading=correction, miles=correction.miles):
        update_consumption(vehicle_id=correction.vehicle_id)


def update_consumption(*, vehicle_id: int) -> None:
    """Write the consumption of each log of a locked vehicle, where it has changed."""
    logs = list(FuelLog.objects.filter(vehicle_id=vehicle_id).in_order())
    changed = []
    for log, leg in zip(logs, find_legs([log.fill for log in logs]), strict=True):
        mpg = None if leg is None else leg.mpg
        if log.mpg != mpg:
            log.mpg = mpg
            changed.append(log)
    FuelLog.objects.bulk_update(changed, ["mpg"], batch_size=200)


def _time_of_reading(vehicle: Vehicle, miles: Decimal, at: datetime, now: datetime) -> datetime:
    """Return the time of the reading of a fill-up: `at`, or a time of that day if it is midnight UTC.

    Applications send the first instant of a day for a day. Other readings of that day, of a dongle or the shop, may be
    lower than the fill-up, so that it comes after them.
    """
    if at.astimezone(UTC).time() != time():
        return at
    of_day = OdometerReading.objects.filter(
        vehicle=vehicle, accepted=True, at__gte=at, at__lt=min(at + _DAY, now), miles__lte=miles
    )
    latest = of_day.newest_first().first()
    return at if latest is None else latest.at
