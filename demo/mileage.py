"""Store the odometer of a vehicle of the demo as a reading of the ledger."""

from __future__ import annotations

from datetime import datetime

from vehicles.models import OdometerReading, OdometerSource, Vehicle
from vehicles.odometer import correct_odometer, read_odometer


def store_mileage(vehicle: Vehicle, *, at: datetime) -> None:
    """Date the odometer that the vehicle was created with. It was read when the vehicle was last in the shop."""
    OdometerReading.objects.create(
        vehicle=vehicle, miles=vehicle.odometer, source=OdometerSource.CHECK_IN, at=at
    )
    vehicle.odometer_at = at
    Vehicle.objects.filter(pk=vehicle.pk).update(odometer_at=at)


def mistype_and_correct(vehicle: Vehicle, *, now: datetime, by: int) -> None:
    """Add a reading with a digit too many, and its correction to the present odometer."""
    miles = vehicle.odometer
    typed = read_odometer(vehicle=vehicle, miles=miles * 10, by=vehicle.customer.contact_id, now=now)
    correct_odometer(
        vehicle=vehicle, replaces=typed.pk, miles=miles, reason="A digit too many", by=by, now=now
    )
