"""Actions that change a vehicle."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common.domain import events
from common.domain.changes import change, change_as
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid
from common.domain.types import Json
from customers.actions import hold_customer
from customers.models import Customer
from vehicles import odometer
from vehicles.codes.actions import copy_open
from vehicles.guards import check_free
from vehicles.locks import lock_in_use
from vehicles.models import DongleConnection, OdometerSource, Vehicle
from vehicles.recommendations import copy_standing
from vehicles.schedules.actions import continue_schedules, start_schedules
from vehicles.vin import normalize_vin, validate_vin

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "archive": "vehicles.change_vehicle",
    "restore": "vehicles.change_vehicle",
    "transfer": "vehicles.transfer_vehicle",
}


class InvalidVin(Invalid):
    """The VIN does not fit the model year."""

    code = "invalid_vin"


class VinTaken(Invalid):
    code = "vin_taken"
    title = "Vehicle exists"
    message = "You already have a vehicle with this VIN."


class UnitNumberTaken(Invalid):
    code = "unit_number_taken"
    title = "Unit exists"
    message = "There is already a unit with this number."


class DongleTaken(DomainError):
    code = "dongle_taken"
    title = "Dongle is linked"
    message = "This dongle is linked to another vehicle."


class NotArchived(DomainError):
    code = "not_archived"
    title = "Vehicle is in use"
    message = "This vehicle is not archived."


class HandedOver(DomainError):
    """The vehicle has a new owner. It comes back by being handed over again."""

    code = "handed_over"
    title = "Vehicle has a new owner"


class SameOwner(Invalid):
    code = "same_owner"
    title = "Same owner"
    message = "The vehicle belongs to this customer already."


class VehicleDetails(TypedDict, total=False):
    """Columns of a vehicle that an action may write besides its VIN. The odometer is in miles."""

    make: str
    model: str
    trim: str
    year: int
    license_plate: str
    color: str
    fuel_type: str
    odometer: Decimal
    unit_number: str
    photo_url: str


class VehicleChanges(VehicleDetails, total=False):
    vin: str
    dongle_id: str | None
    dongle_connection: DongleConnection | None


def add_vehicle(
    *,
    customer: Customer,
    by: int | None,
    now: datetime,
    vin: str = "",
    source: OdometerSource = OdometerSource.MANUAL,
    **details: Unpack[VehicleDetails],
) -> Vehicle:
    """Create a vehicle of a customer. The VIN is stored in capitals, and "" is none.

    An odometer above 0 is a reading, whose `source` tells how it was taken. Raises NoCustomerRecord, CustomerIsMerged,
    InvalidVin, VinTaken, UnitNumberTaken.
    """
    vin = normalize_vin(vin)
    _check_vin(vin, details.get("year"), field="vin")
    miles = details.get("odometer") or None
    try:
        with transaction.atomic():  # a savepoint, so that the caller's transaction can go on after an error
            hold_customer(customer)
            vehicle = Vehicle.objects.create(
                customer=customer, vin=vin, odometer_at=now if miles else None, **details
            )
            if miles:
                odometer.add_reading(vehicle, miles, by=by, now=now, source=source)
            start_schedules(vehicle=vehicle, now=now)
            events.record("vehicles.vehicle.created", vehicle, at=now)
            return vehicle
    except IntegrityError as error:
        raise _domain_error(error) from error


def change_vehicle(
    *, vehicle: Vehicle, by: int | None, now: datetime, **changes: Unpack[VehicleChanges]
) -> None:
    """Change a vehicle that is in use. Another odometer (miles) is a reading, and can only rise.

    Raises AlreadyArchived, OdometerBackwards, InvalidVin, VinTaken, UnitNumberTaken, DongleTaken.
    """
    if "vin" in changes:
        changes["vin"] = normalize_vin(changes["vin"])
    try:
        with transaction.atomic():
            lock_in_use(vehicle)
            if "vin" in changes or "year" in changes:
                vin, year = changes.get("vin", vehicle.vin), changes.get("year", vehicle.year)
                _check_vin(vin, year, field="vin" if "vin" in changes else "year")
            moved: Json = {}
            if changes.get("odometer", vehicle.odometer) != vehicle.odometer:
                odometer.add_reading(vehicle, changes["odometer"], by=by, now=now)
                moved = odometer.stored_values(vehicle)
            change(vehicle, **changes | moved)
    except IntegrityError as error:
        raise _domain_error(error) from error


def _check_vin(vin: str, year: int | None, *, field: str) -> None:
    """Raise InvalidVin unless the VIN is empty or fits the model year."""
    try:
        if vin:
            validate_vin(vin, year)
    except ValidationError as error:
        raise InvalidVin(error.messages[0], field=field) from None


def link_dongle(*, vehicle: Vehicle, dongle_id: str, connection: DongleConnection) -> None:
    """Link a dongle to a vehicle. It replaces the vehicle's present dongle.

    Linking the same dongle again changes nothing. A dongle that is linked to another vehicle has to be unlinked there
    first. Raises AlreadyArchived, DongleTaken.
    """
    _set_dongle(vehicle, dongle_id, connection)


def unlink_dongle(*, vehicle: Vehicle) -> None:
    """Unlink the vehicle's dongle, if it has one. Its telematics data stays. Raises AlreadyArchived."""
    _set_dongle(vehicle, None, None)


def _set_dongle(vehicle: Vehicle, dongle_id: str | None, connection: DongleConnection | None) -> None:
    try:
        with transaction.atomic():
            lock_in_use(vehicle)
            change(vehicle, dongle_id=dongle_id, dongle_connection=connection)
    except IntegrityError as error:
        raise _domain_error(error) from error


def archive_vehicle(*, vehicle: Vehicle, now: datetime) -> None:
    """Archive a vehicle. Its history stays, and its VIN, unit number and dongle can be used again.

    Raises AlreadyArchived, and VehicleIsHeld while an appointment is ahead or a repair order is open.
    """
    with transaction.atomic():
        lock_in_use(vehicle)
        check_free(vehicle=vehicle, now=now)
        _archive(vehicle, now)
        events.record("vehicles.vehicle.archived", vehicle, at=now)


def _archive(vehicle: Vehicle, now: datetime) -> None:
    vehicle.archived_at = now
    vehicle.dongle_id = vehicle.dongle_connection = None
    vehicle.save(update_fields=["archived_at", "dongle_id", "dongle_connection"])


def restore_vehicle(*, vehicle: Vehicle) -> None:
    """Bring an archived vehicle back into use. Its dongle has to be linked again.

    Raises NotArchived, HandedOver, VinTaken, UnitNumberTaken.
    """
    try:
        with transaction.atomic():
            vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update(no_key=True))
            if vehicle.archived_at is None:
                raise NotArchived
            successor = Vehicle.objects.filter(continues=vehicle).first()
            if successor is not None:
                raise HandedOver(f"This vehicle goes on as vehicle {successor.pk}.")
            change_as(vehicle, "restored", archived_at=None)
    except IntegrityError as error:
        raise _domain_error(error) from error


# What the new owner's row takes over. A plate, a unit number, a photo and a dongle are the previous owner's.
_TAKEN_OVER = ("vin", "make", "model", "trim", "year", "color", "fuel_type", "odometer", "odometer_at")


def transfer_vehicle(*, vehicle: Vehicle, customer: Customer, by: int | None, now: datetime) -> Vehicle:
    """Move a vehicle to a new owner: archive its row, and return a new one that continues it.

    The history stays with the archived row, which the new owner does not see. Recommendations that stand and open
    trouble codes are copied, and what regular work is due. Raises AlreadyArchived, VehicleIsHeld,
    SameOwner, NoCustomerRecord, CustomerIsMerged, VinTaken.
    """
    try:
        with transaction.atomic():
            lock_in_use(vehicle)
            if vehicle.customer_id == customer.pk:
                raise SameOwner(field="customer")
            check_free(vehicle=vehicle, now=now)
            hold_customer(customer)
            _archive(vehicle, now)
            values = {name: getattr(vehicle, name) for name in _TAKEN_OVER}
            successor = Vehicle.objects.create(customer=customer, continues=vehicle, **values)
            odometer.take_over(successor, vehicle, by=by)
            copy_standing(vehicle, successor)
            copy_open(vehicle, successor)
            continue_schedules(vehicle=vehicle, successor=successor)
            events.record("vehicles.vehicle.transferred", vehicle, at=now, into=successor.pk)
            return successor
    except IntegrityError as error:
        raise _domain_error(error) from error


def _domain_error(error: IntegrityError) -> Exception:
    if violates(error, Vehicle, "vin_once_per_customer"):
        return VinTaken(field="vin")
    if violates(error, Vehicle, "unit_number_once_per_customer"):
        return UnitNumberTaken(field="unit_number")
    if violates(error, Vehicle, "dongle_in_one_vehicle"):
        return DongleTaken()
    return error
