"""The ledger of a vehicle's odometer (docs/design, D60).

The odometer is the accepted reading that is the latest by (at, id). It is stored on the vehicle in the transaction of
the reading, under the vehicle's lock. Telematics adds its readings in `vehicles.telematics.actions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from common.domain import events
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.types import Json
from common.domain.units import Units, format_least, format_most
from vehicles.locks import lock_in_use
from vehicles.models import OdometerReading, OdometerSource, Vehicle
from vehicles.querysets import OdometerReadingQuerySet

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "odometer": "vehicles.view_odometerreading",
    "read_odometer": "vehicles.add_odometerreading",
    "correct_odometer": "vehicles.correct_odometerreading",
}
# The sources of a reading that staff take.
TAKEN_BY_STAFF = (OdometerSource.MANUAL, OdometerSource.CHECK_IN, OdometerSource.CHECK_OUT)


# Takes the wrong reading and its correction, in the transaction, with the vehicle locked.
Follower = Callable[[OdometerReading, OdometerReading], None]
_followers: list[Follower] = []


def follow_corrections(follower: Follower) -> None:
    """Let another module, such as one of a room above, correct what it copied from a reading that is replaced."""
    if follower not in _followers:
        _followers.append(follower)


class OdometerBackwards(Invalid):
    code = "odometer_backwards"
    title = "Odometer runs backwards"

    def __init__(self, least: Decimal, field: str) -> None:
        self.least = least
        super().__init__(self.text_in(Units.IMPERIAL), field=field)

    def text_in(self, units: Units) -> str:
        return f"The odometer cannot go down: enter at least {format_least(self.least, units)}."


class OdometerAhead(Invalid):
    """A reading at an earlier time is above one that was taken later."""

    code = "odometer_ahead"
    title = "Odometer runs backwards"

    def __init__(self, most: Decimal, field: str) -> None:
        self.most = most
        super().__init__(self.text_in(Units.IMPERIAL), field=field)

    def text_in(self, units: Units) -> str:
        return f"A later reading is {format_most(self.most, units)}: enter at most that."


class ReadingInTheFuture(Invalid):
    code = "reading_in_the_future"
    title = "Reading is from the future"
    message = "A reading cannot be in the future."


class ReadingNotFound(Missing):
    code = "reading_not_found"
    title = "Reading not found"
    message = "This vehicle has no such reading."


class NothingToReplace(Invalid):
    code = "nothing_to_replace"
    title = "No reading named"
    message = (
        "Name the reading that is wrong. Only the first reading of a new instrument cluster replaces none."
    )


class AlreadyCorrected(DomainError):
    code = "already_corrected"
    title = "Reading is corrected"
    message = "This reading is already corrected. Correct the reading that replaced it."


def read_odometer(
    *,
    vehicle: Vehicle,
    miles: Decimal,
    by: int | None,
    now: datetime,
    at: datetime | None = None,
    source: str = OdometerSource.MANUAL,
    note: str = "",
    field: str = "miles",
) -> OdometerReading:
    """Add a reading to a vehicle in use. It lies between the accepted readings before and after `at`.

    `field` is named in an error. Raises AlreadyArchived, OdometerBackwards, OdometerAhead, ReadingInTheFuture.
    """
    with transaction.atomic():
        lock_in_use(vehicle)
        reading = add_reading(vehicle, miles, by=by, now=now, at=at, source=source, note=note, field=field)
        _move(vehicle, why=f"odometer: {miles} miles")
        events.record("vehicles.odometerreading.created", reading, at=now, miles=str(miles))
        return reading


def correct_odometer(
    *,
    vehicle: Vehicle,
    miles: Decimal,
    reason: str,
    by: int | None,
    now: datetime,
    replaces: int | None = None,
    base: bool = False,
) -> OdometerReading:
    """Replace a mistyped reading, which is no longer accepted. The correction has its time.

    With `base` the reading is the first one of a new instrument cluster, is taken now and may replace none. From then
    on readings are checked against it. Raises AlreadyArchived, ReadingNotFound, NothingToReplace,
    AlreadyCorrected, OdometerBackwards, OdometerAhead.
    """
    with transaction.atomic():
        lock_in_use(vehicle)
        wrong = None if replaces is None else _readings(vehicle).filter(pk=replaces).first()
        if replaces is not None and wrong is None:
            raise ReadingNotFound(field="replaces")
        if wrong is None and not base:
            raise NothingToReplace(field="replaces")
        if wrong is not None and not wrong.accepted:
            raise AlreadyCorrected
        if wrong is not None:
            _readings(vehicle).filter(pk=wrong.pk).update(accepted=False)
        is_new_cluster = base and not (wrong is not None and wrong.base)
        at = latest_time(vehicle, now) if wrong is None or is_new_cluster else wrong.at
        base = base or (wrong is not None and wrong.base)
        _check(vehicle, miles, at, base=base, field="miles", ignoring=wrong)
        reading = OdometerReading.objects.create(
            vehicle=vehicle,
            miles=miles,
            source=OdometerSource.CORRECTION,
            at=at,
            by_id=by,
            note=reason,
            replaces=wrong,
            base=base,
        )
        _move(vehicle, why=f"odometer corrected: {reason}")
        events.record("vehicles.odometerreading.corrected", reading, at=now, miles=str(miles))
        if wrong is not None:
            for follower in _followers:
                follower(wrong, reading)
        return reading


def add_reading(
    vehicle: Vehicle,
    miles: Decimal,
    *,
    by: int | None,
    now: datetime,
    at: datetime | None = None,
    source: str = OdometerSource.MANUAL,
    note: str = "",
    field: str = "odometer",
) -> OdometerReading:
    """Add a checked reading of a locked vehicle. The caller stores `stored_values`. `field` is named in an error."""
    if at is not None and at > now:
        raise ReadingInTheFuture(field="at")
    at = latest_time(vehicle, now) if at is None else at
    _check(vehicle, miles, at, base=False, field=field)
    return OdometerReading.objects.create(
        vehicle=vehicle, miles=miles, source=source, at=at, by_id=by, note=note
    )


def save_with_reading(
    vehicle: Vehicle, *, before: Decimal, by: int | None, now: datetime, source: str = OdometerSource.MANUAL
) -> None:
    """Save a locked vehicle whose odometer was checked and set by a form or a sheet. `before` is the stored one."""
    miles = vehicle.odometer
    if miles == before:
        vehicle.save()
        return
    vehicle.odometer_at = latest_time(vehicle, now)
    vehicle.save()
    OdometerReading.objects.create(
        vehicle=vehicle, miles=miles, source=source, at=vehicle.odometer_at, by_id=by
    )


def take_over(vehicle: Vehicle, other: Vehicle, *, by: int | None) -> None:
    """Read the odometer of another row of the same vehicle into a locked vehicle. The caller saves the vehicle."""
    vehicle.odometer, vehicle.odometer_at = other.odometer, other.odometer_at
    if other.odometer_at is not None:
        OdometerReading.objects.create(
            vehicle=vehicle,
            miles=other.odometer,
            at=other.odometer_at,
            source=OdometerSource.IMPORT,
            by_id=by,
            note=f"Taken over from vehicle {other.pk}.",
        )


def latest_time(vehicle: Vehicle, now: datetime) -> datetime:
    """Return the time of a reading that is taken now. A dongle's clock may be ahead by minutes."""
    return max(now, vehicle.odometer_at or now)


def stored_values(vehicle: Vehicle) -> Json:
    """Return the columns of the vehicle that hold its odometer: the accepted reading latest by (at, id)."""
    latest = _readings(vehicle).filter(accepted=True).newest_first().first()
    if latest is None:
        return {"odometer": vehicle.odometer, "odometer_at": vehicle.odometer_at}
    return {"odometer": latest.miles, "odometer_at": latest.at}


def find_readings(chain: Sequence[int]) -> OdometerReadingQuerySet[OdometerReading]:
    """Return the readings of the rows of one vehicle, newest first."""
    return OdometerReading.objects.filter(vehicle__in=chain).newest_first()


def _readings(vehicle: Vehicle) -> OdometerReadingQuerySet[OdometerReading]:
    return OdometerReading.objects.filter(vehicle=vehicle)


def _check(
    vehicle: Vehicle,
    miles: Decimal,
    at: datetime,
    *,
    base: bool,
    field: str,
    ignoring: OdometerReading | None = None,
) -> None:
    """Raise unless `miles` lies between the accepted readings before and after `at`. A base begins anew."""
    accepted = _readings(vehicle).filter(accepted=True)
    if ignoring is not None:
        accepted = accepted.exclude(pk=ignoring.pk)
    if not base:
        before = accepted.filter(at__lte=at).newest_first().first()
        least = before.miles if before else vehicle.odometer if vehicle.odometer_at is None else Decimal(0)
        if miles < least:
            raise OdometerBackwards(least, field)
    after = accepted.filter(at__gt=at).order_by("at", "id").first()
    if after is not None and not after.base and miles > after.miles:
        raise OdometerAhead(after.miles, field)


def _move(vehicle: Vehicle, *, why: str) -> None:
    """Store the odometer on the locked vehicle, and one history row if it moved."""
    values = {
        name: value for name, value in stored_values(vehicle).items() if getattr(vehicle, name) != value
    }
    for name, value in values.items():
        setattr(vehicle, name, value)
    if values:
        vehicle._change_reason = why[:100]  # type: ignore[attr-defined]  # read by simple-history
        vehicle.save(update_fields=list(values))
