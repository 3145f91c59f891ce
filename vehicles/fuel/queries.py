"""Read fuel logs."""

from __future__ import annotations

from vehicles.fuel.consumption import Statistics, summarize
from vehicles.fuel.models import FuelLog


def get_statistics(*, vehicle_id: int) -> Statistics:
    """Return the figures of all fill-ups of a vehicle."""
    logs = FuelLog.objects.filter(vehicle_id=vehicle_id).in_order()
    return summarize([log.fill for log in logs])
