"""Actions that change a vehicle."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction

from common.domain.database import change, violates
from common.domain.errors import DomainError, Invalid, Missing
from customers.models import Customer
from vehicles.models import DongleConnection, Vehicle
from vehicles.vin import normalize_vin


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


class AlreadyArchived(DomainError):
    code = "already_archived"
    title = "Vehicle is archived"
    message = "This vehicle is already archived."


class OdometerBackwards(Invalid):
    code = "odometer_backwards"
    title = "Odometer runs backwards"


class VehicleNotOfCustomer(Missing):
    code = "vehicle_not_found"
    title = "Vehicle not found"
    message = "Vehicle not found."


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


def check_in_use(*, vehicle: Vehicle, customer: Customer) -> None:
    """Raise VehicleNotOfCustomer unless the vehicle belongs to the customer and is not archived."""
    if vehicle.customer_id != customer.pk or vehicle.archived_at is not None:
        raise VehicleNotOfCustomer(field="vehicle")


def add_vehicle(*, customer: Customer, vin: str, **details: Unpack[VehicleDetails]) -> Vehicle:
    """Create a vehicle of a customer. The VIN is stored in capitals.

    Raises VinTaken, UnitNumberTaken.
    """
    try:
        with transaction.atomic():  # a savepoint, so that the caller's transaction can go on after an error
            return Vehicle.objects.create(customer=customer, vin=normalize_vin(vin), **details)
    except IntegrityError as error:
        raise _domain_error(error) from error


def change_vehicle(*, vehicle: Vehicle, **changes: Unpack[VehicleChanges]) -> None:
    """Change a vehicle that is in use. The odometer (miles) can only rise.

    Raises AlreadyArchived, OdometerBackwards, VinTaken, UnitNumberTaken, DongleTaken.
    """
    if "vin" in changes:
        changes["vin"] = normalize_vin(changes["vin"])
    try:
        with transaction.atomic():
            vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update())
            if vehicle.archived_at is not None:
                raise AlreadyArchived
            if changes.get("odometer", vehicle.odometer) < vehicle.odometer:
                text = f"The odometer cannot go down: enter at least {vehicle.odometer} miles."
                raise OdometerBackwards(text, field="odometer")
            change(vehicle, **changes)
    except IntegrityError as error:
        raise _domain_error(error) from error


def link_dongle(*, vehicle: Vehicle, dongle_id: str, connection: DongleConnection) -> None:
    """Link a dongle to a vehicle. It replaces the vehicle's present dongle.

    Linking the same dongle again changes nothing. A dongle that is linked to another vehicle has to be unlinked there
    first. Raises AlreadyArchived, DongleTaken.
    """
    change_vehicle(vehicle=vehicle, dongle_id=dongle_id, dongle_connection=connection)


def unlink_dongle(*, vehicle: Vehicle) -> None:
    """Unlink the vehicle's dongle, if it has one. Its telematics data stays. Raises AlreadyArchived."""
    change_vehicle(vehicle=vehicle, dongle_id=None, dongle_connection=None)


def archive_vehicle(*, vehicle: Vehicle, now: datetime) -> None:
    """Archive a vehicle. Its history stays, and its VIN, unit number and dongle can be used again.

    Raises AlreadyArchived.
    """
    with transaction.atomic():
        vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update())
        if vehicle.archived_at is not None:
            raise AlreadyArchived
        vehicle.archived_at = now
        vehicle.dongle_id = vehicle.dongle_connection = None
        vehicle.save(update_fields=["archived_at", "dongle_id", "dongle_connection"])


def _domain_error(error: IntegrityError) -> Exception:
    if violates(error, Vehicle, "vin_once_per_customer"):
        return VinTaken(field="vin")
    if violates(error, Vehicle, "unit_number_once_per_customer"):
        return UnitNumberTaken(field="unit_number")
    if violates(error, Vehicle, "dongle_in_one_vehicle"):
        return DongleTaken()
    return error
