"""Hold a bay, a technician and a vehicle for an appointment, so that no other appointment has them at that time.

The rows stay locked until the transaction ends, so that parallel bookings queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from appointments.models import Appointment, Bay, Location, Technician
from appointments.presence import why_away
from appointments.queries import (
    find_next_free_slots,
    find_overlapping,
    get_bay_schedule,
    get_crew,
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


class TechnicianIsAway(DomainError):
    """The technician has no shift at that time, or is absent. The message says when they work."""

    code = "technician_is_away"
    title = "Technician is away"

    def __init__(self, technician: Technician, why: str) -> None:
        super().__init__(f"{technician.name} {why}. Choose another technician or time, or allow it.")


class _NobodyLeft(Exception):
    """A bay is free, and every technician at work is needed for another appointment."""


class NoFreeBay(DomainError):
    """No bay is free for a walk-in. `next_free` is the first bay that becomes free for its length, and when."""

    code = "no_free_bay"
    title = "No free bay"


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
    is_start_kept: bool = False,
    is_crew_bound: bool = True,
) -> Iterator[int]:
    """Yield the id of a bay that is free from `start` on. The bays stay locked until the block has written to it.

    `bay` allows only that bay. `ignoring` is the appointment that is about to move. One whose start is kept may have
    begun, or be outside of the grid and the hours. `is_crew_bound` refuses more appointments than technicians are at
    work, where shifts are kept. Raises BayElsewhere, NotASlot and TooFarAhead.
    SlotTaken is raised after the locks are released, so that parallel bookings do not wait for the search for
    alternatives.
    """

    def find_slot() -> Slot:
        if is_start_kept:
            return Slot(start, start + length)
        return get_slot(location=location, start=start, length=length, now=now)

    text = "This bay is taken at that time." if bay else "That time is taken."
    try:
        with _hold_bay(
            location,
            find_slot,
            now=now,
            bay=bay,
            ignoring=ignoring,
            is_crew_bound=is_crew_bound and not is_start_kept,
        ) as bay_id:
            yield bay_id
            return
    except SlotTaken:
        pass
    except _NobodyLeft:
        text = "No technician is free at that time."
    alternatives = find_next_free_slots(
        location=location, after=start, length=length, now=now, bay=bay, ignoring=ignoring
    )
    raise slot_taken(location, text, alternatives)


@contextmanager
def hold_bay_now(
    location: Location, length: timedelta, *, now: datetime, bay: Bay | None = None
) -> Iterator[int]:
    """Yield the id of a bay that is free from now on, at any time of the day. It stays locked like a booking's.

    `bay` allows only that bay. Raises BayElsewhere, and NoFreeBay after the locks are released.
    """
    try:
        with _hold_bay(
            location, lambda: Slot(now, now + length), now=now, bay=bay, is_crew_bound=False
        ) as bay_id:
            yield bay_id
            return
    except SlotTaken:
        pass
    raise no_free_bay(location, length, now=now, bay=bay)


@contextmanager
def _hold_bay(
    location: Location,
    find_slot: Callable[[], Slot],
    *,
    now: datetime,
    bay: Bay | None,
    is_crew_bound: bool,
    ignoring: Appointment | None = None,
) -> Iterator[int]:
    """Lock the bays of a location and yield the first one that is free for the slot.

    Raises BayElsewhere, SlotTaken, _NobodyLeft.
    """
    if bay is not None and bay.location_id != location.pk:
        raise BayElsewhere(field="bay_id")
    try:
        with transaction.atomic():
            lock_bays(location_id=location.pk)
            # After the lock, which a change of hours holds as well (`actions.watch_appointments`).
            slot = find_slot()
            bay_id = get_bay_schedule(location, slot, now=now, bay=bay, ignoring=ignoring).first_free(slot)
            if bay_id is None:
                raise SlotTaken
            crew = get_crew(location, slot, now=now, ignoring=ignoring) if is_crew_bound else None
            if crew is not None and not crew.has_room(slot):
                raise _NobodyLeft
            yield bay_id
    except IntegrityError as error:  # the constraint stops a writer that did not lock the bays
        if not violates(error, Appointment, "bay_is_held_once"):
            raise
        raise SlotTaken from error


def no_free_bay(location: Location, length: timedelta, *, now: datetime, bay: Bay | None) -> NoFreeBay:
    """Return the error for a walk-in that finds no bay, or not that bay, free for its length. Three queries."""
    during = Slot(now, now + timedelta(days=DAYS_AHEAD + 2))
    found = get_bay_schedule(location, during, now=now, bay=bay).next_free(now, length)
    minutes = length // timedelta(minutes=1)
    text = f"{bay.name if bay else 'No bay'} is {'not ' if bay else ''}free for {minutes} minutes from now."
    if found is None:
        return NoFreeBay(f"{location.name} has no bays. Add one first.", next_free=None)
    start, bay_id = found
    [name] = Bay.objects.filter(pk=bay_id).values_list("name", flat=True)
    return NoFreeBay(
        f"{text} {name} becomes free on {local_time(location, start):%a %d %b at %H:%M}.",
        next_free={"bay_id": bay_id, "bay": name, "start": start},
    )


@contextmanager
def hold_vehicle(
    vehicle: Vehicle, slot: Slot, *, now: datetime, ignoring: Appointment | None = None
) -> Iterator[None]:
    """Lock a vehicle that has no other appointment during the slot, until the block has written to it.

    `ignoring` is the appointment that is about to move. Raises VehicleIsBooked.
    """
    try:
        with transaction.atomic():
            # Stronger than the lock for share that follows in `hold_in_use`, so that two bookings of a vehicle queue.
            list(Vehicle.objects.select_for_update(no_key=True).filter(pk=vehicle.pk).values_list("pk"))
            if other := find_overlapping(slot, now=now, vehicle=vehicle, ignoring=ignoring):
                raise VehicleIsBooked(other)
            yield
    except IntegrityError as error:  # the constraint stops a writer that did not lock the vehicle
        if not violates(error, Appointment, "vehicle_is_in_one_place"):
            raise
        raise VehicleIsBooked(find_overlapping(slot, vehicle=vehicle, ignoring=ignoring)) from error


def hold_technician(
    technician: Technician,
    slot: Slot,
    *,
    location: Location,
    now: datetime,
    ignoring: Appointment | None = None,
) -> None:
    """Lock a technician, who must be free and at work during the slot. Only what is ahead of it must be worked.

    The shifts of a technician without a location are local times of `location`. Raises TechnicianIsBusy if another of
    their appointments overlaps the slot, and TechnicianIsAway.
    """
    list(Technician.objects.select_for_update(no_key=True).filter(pk=technician.pk).values_list("pk"))
    if other := find_overlapping(slot, now=now, technician_id=technician.pk, ignoring=ignoring):
        raise TechnicianIsBusy(technician, other)
    ahead = Slot(max(slot.start, now), slot.end)
    zone = ZoneInfo((technician.location or location).time_zone)
    if ahead.start < ahead.end and (why := why_away(technician, ahead, zone)):
        raise TechnicianIsAway(technician, why)


def slot_taken(location: Location, text: str, alternatives: Sequence[Slot]) -> SlotTaken:
    times = ", ".join(f"{local_time(location, slot.start):%a %d %b %H:%M}" for slot in alternatives)
    hint = f"Next free: {times}." if alternatives else f"Nothing is free in the next {DAYS_AHEAD} days."
    return SlotTaken(f"{text} {hint}", alternatives=[slot._asdict() for slot in alternatives])
