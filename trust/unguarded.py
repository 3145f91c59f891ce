"""The server without the lock of bookings: `python -m trust.unguarded serve …`.

It proves that the trial of double bookings finds one. The trial also drops the constraint in the database.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import execute_from_command_line

from appointments import actions, holds
from appointments.models import Appointment, Bay, Location
from appointments.queries import get_bay_schedule, get_slot

# The delay between the check and the write. Without it, a fast machine serves one customer before the next arrives.
_SECONDS = 0.02


@contextmanager
def free_bay_without_lock(
    location: Location,
    start: datetime,
    length: timedelta,
    *,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
    **_options: object,
) -> Iterator[int]:
    """Yield a free bay like `holds.hold_free_bay`, without its lock."""
    slot = get_slot(location=location, start=start, length=length, now=now)
    bay_id = get_bay_schedule(location, slot, now=now, bay=bay, ignoring=ignoring).first_free(slot)
    if bay_id is None:
        raise holds.SlotTaken("That time is taken.", alternatives=[])
    time.sleep(_SECONDS)
    yield bay_id


if __name__ == "__main__":
    actions.hold_free_bay = free_bay_without_lock
    execute_from_command_line(sys.argv)
