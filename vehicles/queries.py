"""Find vehicles."""

from __future__ import annotations

from common.domain.caller import Caller
from common.domain.errors import Missing
from vehicles.models import Vehicle


def check_unit(caller: Caller, unit_id: int) -> None:
    """Raise Missing unless the caller may see the unit."""
    if not Vehicle.objects.visible_to(caller).filter(pk=unit_id).exists():
        raise Missing("Unit not found", field="unit_id")


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
