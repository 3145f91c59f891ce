"""Find vehicles."""

from __future__ import annotations

from django.db import connection

from common.domain.caller import Caller
from common.domain.errors import Missing
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import Vehicle

_CHAIN = """
    WITH RECURSIVE chain (id, previous, owners) AS (
        SELECT id, continues_id, 1 FROM vehicles_vehicle WHERE id = %s
        UNION ALL
        SELECT earlier.id, earlier.continues_id, owners + 1
        FROM vehicles_vehicle AS earlier JOIN chain ON earlier.id = chain.previous
    )
    SELECT id FROM chain ORDER BY owners
"""


def check_unit(caller: Caller, unit_id: int) -> None:
    """Raise Missing unless the caller may see the unit."""
    if not Vehicle.objects.visible_to(caller).filter(pk=unit_id).exists():
        raise Missing("Unit not found", field="unit_id")


def get_vehicle_in_use(caller: Caller, vehicle_id: int) -> Vehicle:
    """Return the caller's vehicle with its customer, unless it is archived. Raises VehicleNotOfCustomer."""
    vehicles = Vehicle.objects.visible_to(caller).in_use().select_related("customer")
    vehicle = vehicles.filter(pk=vehicle_id).first()
    if vehicle is None:
        raise VehicleNotOfCustomer
    return vehicle


def get_chain(vehicle: Vehicle) -> list[int]:
    """Return the ids of a vehicle's rows: its own, and those of its previous owners, the newest first."""
    if vehicle.continues_id is None:
        return [vehicle.pk]
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN, [vehicle.pk])
        return [pk for (pk,) in cursor.fetchall()]


def get_unit_by_label(caller: Caller, label: str) -> Vehicle:
    """Return the caller's unit in use with that unit number, plate or VIN.

    Raise Missing where there is none, or more than one.
    """
    found = list(Vehicle.objects.visible_to(caller).in_use().with_label(label).order_by("id")[:2])
    if len(found) != 1:
        raise Missing(
            "Unit not found" if not found else "More than one unit is called so", field="unit_number"
        )
    return found[0]
