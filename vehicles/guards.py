"""Keep a vehicle while rows of rooms above need it."""

from __future__ import annotations

from datetime import datetime

from common.domain.errors import DomainError
from common.domain.guards import Guards
from vehicles.models import Vehicle

_guards: Guards[Vehicle] = Guards()
register = _guards.register


class VehicleIsHeld(DomainError):
    """An appointment is ahead or a repair order is open. The message names them."""

    code = "vehicle_is_held"
    title = "Vehicle is needed"

    def __init__(self, holders: list[str]) -> None:
        super().__init__(f"Finish or cancel first: {', '.join(holders)}.")


def check_free(*, vehicle: Vehicle, now: datetime) -> None:
    """Raise VehicleIsHeld if something holds the vehicle. The caller has locked its row."""
    if holders := _guards.holders(vehicle, now):
        raise VehicleIsHeld(holders)
