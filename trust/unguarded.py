"""`python -m trust.unguarded serve …`: the server without the lock that booking takes.

For the proof that the trial of double bookings finds one where there is one; the database's constraint, the other
guard, is dropped by the trial.
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

from appointments import actions
from appointments.models import Appointment, Bay, Location
from appointments.queries import get_bay_schedule, get_slot

# Between the look and the write: a quick machine is through with one customer before the next one has arrived.
_SECONDS = 0.02


@contextmanager
def look_and_write(
    location: Location,
    start: datetime,
    length: timedelta,
    *,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
) -> Iterator[int]:
    """`hold_free_bay` as one writes it who has not thought of two customers at once."""
    slot = get_slot(location=location, start=start, length=length, now=now)
    bay_id = get_bay_schedule(location, slot, bay=bay, ignoring=ignoring).first_free(slot)
    if bay_id is None:
        raise actions.SlotTaken("That time is taken.", alternatives=[])
    time.sleep(_SECONDS)
    yield bay_id


if __name__ == "__main__":
    actions.hold_free_bay = look_and_write
    execute_from_command_line(sys.argv)
