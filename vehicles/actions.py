"""What changes a vehicle."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from common.domain.database import change, violates
from common.domain.errors import DomainError, Invalid, Missing
from customers.models import Customer
from vehicles.models import DongleConnection, Vehicle
from vehicles.vin import normal_vin


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
    message = "This vehicle is archived already."


class OdometerBackwards(Invalid):
    code = "odometer_backwards"
    title = "Odometer runs backwards"
    message = "The odometer cannot show less than it did."


class VehicleNotOfCustomer(Missing):
    code = "vehicle_not_found"
    title = "Vehicle not found"
    message = "Vehicle not found."


def check_in_use(*, vehicle: Vehicle, customer: Customer) -> None:
    """Work is done on a customer's own vehicles in use. Raises VehicleNotOfCustomer."""
    if vehicle.customer_id != customer.pk or vehicle.archived_at is not None:
        raise VehicleNotOfCustomer(field="vehicle")


def add_vehicle(*, customer: Customer, vin: str, **fields: Any) -> Vehicle:
    """A new vehicle of a customer; the VIN is stored in capitals. Raises VinTaken, UnitNumberTaken."""
    try:
        with transaction.atomic():  # the caller's own transaction outlives the refusal
            return Vehicle.objects.create(customer=customer, vin=normal_vin(vin), **fields)
    except IntegrityError as error:
        raise _named(error) from error


def change_vehicle(*, vehicle: Vehicle, **fields: Any) -> None:
    """Change a vehicle that is in use. The odometer never runs backwards.

    Raises AlreadyArchived, OdometerBackwards, VinTaken, UnitNumberTaken, DongleTaken.
    """
    if "vin" in fields:
        fields["vin"] = normal_vin(fields["vin"])
    try:
        with transaction.atomic():
            vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update())
            if vehicle.archived_at is not None:
                raise AlreadyArchived
            if fields.get("odometer", vehicle.odometer) < vehicle.odometer:
                raise OdometerBackwards(field="odometer")
            change(vehicle, **fields)
    except IntegrityError as error:
        raise _named(error) from error


def link_dongle(*, vehicle: Vehicle, dongle_id: str, connection: DongleConnection) -> None:
    """Let a dongle report for a vehicle, in the place of the one it had; the same one again changes nothing.

    A dongle that sits in another vehicle has to be unlinked there first. Raises AlreadyArchived, DongleTaken.
    """
    change_vehicle(vehicle=vehicle, dongle_id=dongle_id, dongle_connection=connection)


def unlink_dongle(*, vehicle: Vehicle) -> None:
    """Free the vehicle's dongle, if it has one; what it reported stays. Raises AlreadyArchived."""
    change_vehicle(vehicle=vehicle, dongle_id=None, dongle_connection=None)


def archive_vehicle(*, vehicle: Vehicle, now: datetime) -> None:
    """Take a vehicle out of use: its history stays, its VIN, unit number and dongle are free again.

    Raises AlreadyArchived.
    """
    with transaction.atomic():
        vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update())
        if vehicle.archived_at is not None:
            raise AlreadyArchived
        vehicle.archived_at = now
        vehicle.dongle_id = vehicle.dongle_connection = None
        vehicle.save(update_fields=["archived_at", "dongle_id", "dongle_connection"])


def _named(error: IntegrityError) -> Exception:
    if violates(error, Vehicle, "vin_once_per_customer"):
        return VinTaken(field="vin")
    if violates(error, Vehicle, "unit_number_once_per_customer"):
        return UnitNumberTaken(field="unit_number")
    if violates(error, Vehicle, "dongle_in_one_vehicle"):
        return DongleTaken()
    return error
