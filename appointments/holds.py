"""Hold a bay, a technician and a vehicle for an appointment, so that no other appointment has them at that time.

The rows stay locked until the transaction ends, so that parallel bookings queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from appointments.models import Appointment, Bay, Location, Technician
from appointments.queries import (
    find_next_free_slots,
    find_overlapping,
    get_bay_schedule,
    get_slot,
    local_time,
    name_appointment,
)
from appointments.slots import DAYS_AHEAD, Slot
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid
from vehicles.models import Vehicle


class SlotTaken(DomainError):
    """No bay is free for the whole appointment. `alternatives` are the next free slots at the location."""

    code = "slot_taken"
    title = "Slot taken"


class VehicleIsBooked(DomainError):
    """The vehicle has another appointment at that time. The message names it."""

    code = "vehicle_is_booked"
    title = "Vehicle has another appointment"

    def __init__(self, other: Appointment | None) -> None:
        name = name_appointment(other) if other else "another appointment"
        super().__init__(f"This vehicle has {name}, which overlaps. Choose another time or move that one.")


class TechnicianIsBusy(DomainError):
    """The technician has another appointment at that time. The message names it."""

    code = "technician_is_busy"
    title = "Technician is busy"

    def __init__(self, technician: Technician, other: Appointment) -> None:
        super().__init__(
            f"{technician.name} has {name_appointment(other)}, which overlaps. "
            "Choose another technician or time, or allow the overlap."
        )


class BayElsewhere(Invalid):
    """The bay is at another location than the appointment."""

    code = "bay_elsewhere"
    title = "Bay at another location"
    message = "This bay is not at the location of the appointment."


def lock_bays(*, location_id: int) -> None:
    """Lock a location's bays until the transaction ends.

    The rows are locked in the order of their ids, so that parallel bookings queue and do not deadlock.
    """
    list(Bay.objects.select_for_update().filter(location_id=location_id).order_by("id").values_list("id"))


@contextmanager
def hold_free_bay(
    location: Location,
    start: datetime,
    length: timedelta,
    *,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
) -> Iterator[int]:
    """Yield the id of a bay that is free from `start` on. The bays stay locked until the block has written to it.

    `bay` allows only that bay. `ignoring` is the appointment that is about to move. Raises BayElsewhere, NotASlot and
    TooFarAhead.
    SlotTaken is raised after the locks are released, so that parallel bookings do not wait for the search for
    alternatives.
    """
    if bay is not None and bay.location_id != location.pk:
        raise BayElsewhere(field="bay_id")
    try:
        with transaction.atomic():
            lock_bays(location_id=location.pk)
            # After the lock, which a change of hours holds as well (`actions.watch_appointments`).
            slot = get_slot(location=location, start=start, length=length, now=now)
            bay_id = get_bay_schedule(location, slot, bay=bay, ignoring=ignoring).first_free(slot)
            if bay_id is None:
                raise SlotTaken
            yield bay_id
            return
    except SlotTaken:
        pass
    except IntegrityError as error:  # the constraint stops a writer that did not lock the bays
        if not violates(error, Appointment, "bay_is_held_once"):
            raise
    alternatives = find_next_free_slots(
        location=location, after=start, length=length, now=now, bay=bay, ignoring=ignoring
    )
    text = "This bay is taken at that time." if bay else "That time is taken."
    raise _slot_taken(location, text, alternatives)


@contextmanager
def hold_vehicle(vehicle: Vehicle, slot: Slot, *, ignoring: Appointment | None = None) -> Iterator[None]:
    """Lock a vehicle that has no other appointment during the slot, until the block has written to it.

    `ignoring` is the appointment that is about to move. Raises VehicleIsBooked.
    """
    try:
        with transaction.atomic():
            # Stronger than the lock for share that follows in `hold_in_use`, so that two bookings of a vehicle queue.
            list(Vehicle.objects.select_for_update(no_key=True).filter(pk=vehicle.pk).values_list("pk"))
            if other := find_overlapping(slot, vehicle=vehicle, ignoring=ignoring):
                raise VehicleIsBooked(other)
            yield
    except IntegrityError as error:  # the constraint stops a writer that did not lock the vehicle
        if not violates(error, Appointment, "vehicle_is_in_one_place"):
            raise
        raise VehicleIsBooked(find_overlapping(slot, vehicle=vehicle, ignoring=ignoring)) from error


def hold_technician(technician: Technician, slot: Slot, *, ignoring: Appointment | None = None) -> None:
    """Lock a technician and raise TechnicianIsBusy if another of their appointments overlaps the slot."""
    list(Technician.objects.select_for_update(no_key=True).filter(pk=technician.pk).values_list("pk"))
    if other := find_overlapping(slot, technician_id=technician.pk, ignoring=ignoring):
        raise TechnicianIsBusy(technician, other)


def _slot_taken(location: Location, text: str, alternatives: Sequence[Slot]) -> SlotTaken:
    times = ", ".join(f"{local_time(location, slot.start):%a %d %b %H:%M}" for slot in alternatives)
    hint = f"Next free: {times}." if alternatives else f"Nothing is free in the next {DAYS_AHEAD} days."
    return SlotTaken(f"{text} {hint}", alternatives=[slot._asdict() for slot in alternatives])
