"""The life of a visit: booked, moved, assigned, started, completed, cancelled.

Booking and moving find a free bay under the lock on the location's bays; the other steps go through the one status
machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Location,
    ServiceType,
    Technician,
)
from appointments.queries import bays_of, next_free_slots, offered_slot, on_the_wall, visit_length
from appointments.slots import DAYS_AHEAD, Slot
from common.domain import push
from common.domain.database import change, violates
from common.domain.errors import DomainError
from common.domain.transitions import Machine, refusal, transition, write_history
from common.domain.types import Json
from customers.models import Customer
from vehicles.actions import check_in_use
from vehicles.models import Vehicle

# What each step asks for, at every door.
PERMISSIONS = {
    "assign": "appointments.assign_appointment",
    "start": "appointments.work_appointment",
    "complete": "appointments.work_appointment",
    "cancel": "appointments.change_appointment",
}
# A customer calls a visit off before the work begins; from then on his vehicle stands in the bay.
_CALLING_OFF: Machine = {AppointmentStatus.PENDING: frozenset({AppointmentStatus.CANCELLED})}


class NoTechnician(DomainError):
    """A visit cannot start before somebody is assigned to it."""

    code = "no_technician"
    title = "No technician assigned"
    message = "Assign a technician before starting the appointment."


class SlotTaken(DomainError):
    """Every bay is held during some of the visit. `alternatives`: the next free slots at the location."""

    code = "slot_taken"
    title = "Slot taken"


def book_appointment(
    *,
    customer: Customer,
    vehicle: Vehicle,
    location: Location,
    start: datetime,
    services: Sequence[ServiceType],
    now: datetime,
    bay: Bay | None = None,
    technician: Technician | None = None,
    description: str = "",
    **details: Any,
) -> Appointment:
    """A visit to one of the location's bays: in `bay`, or in whichever is free for as long as the services take.

    Without words of his own the customer says what he booked. `details`: notes, reported_problem. Raises
    VehicleNotOfCustomer, NotASlot, SlotTaken.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    length = visit_length(services)
    with free_bay(location, start, length, now=now, wanted=bay) as bay_id:
        visit = Appointment.objects.create(
            customer=customer,
            vehicle=vehicle,
            location=location,
            bay_id=bay_id,
            start=start,
            end=start + length,
            technician=technician,
            assigned_at=now if technician else None,
            description=description or _words(services),
            **details,
        )
        _write_services(visit, services)
    return visit


def move_appointment(
    *,
    appointment: Appointment,
    now: datetime,
    vehicle: Vehicle | None = None,
    location: Location | None = None,
    start: datetime | None = None,
    services: Sequence[ServiceType] | None = None,
    bay: Bay | None = None,
) -> None:
    """Another time, place, vehicle or other services for a visit that has not begun; what is None stays.

    It keeps its bay if that is free. Raises IllegalTransition, VehicleNotOfCustomer, NotASlot, SlotTaken; then it
    stands as it stood.
    """
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update())
        if appointment.status != AppointmentStatus.PENDING:
            raise refusal(appointment, "moved")
        values: Json = {}
        if vehicle is not None:
            check_in_use(vehicle=vehicle, customer=appointment.customer)
            values["vehicle"] = vehicle
        length = appointment.end - appointment.start
        if services is not None:
            length = visit_length(services)
            if appointment.description == _words(_services_of(appointment)):
                values["description"] = _words(services)  # the words were not the customer's own
        place, begin = location or appointment.location, start or appointment.start
        before = (appointment.location, appointment.start, appointment.end)
        if (place, begin, begin + length) != before or bay not in (None, appointment.bay):
            with free_bay(place, begin, length, now=now, wanted=bay, but=appointment) as bay_id:
                values |= {"location": place, "bay_id": bay_id, "start": begin, "end": begin + length}
                change(appointment, **values)
        else:
            change(appointment, **values)
        if services is not None:
            appointment.services.clear()
            _write_services(appointment, services)


def lock_bays(*, location_id: int) -> None:
    """Hold a location's bays until the transaction ends: lock, then look whether one is free, then write.

    Always in the order of their ids, so that parallel bookings queue instead of deadlocking.
    """
    list(Bay.objects.select_for_update().filter(location_id=location_id).order_by("id").values_list("id"))


@contextmanager
def free_bay(
    location: Location,
    start: datetime,
    length: timedelta,
    *,
    now: datetime,
    wanted: Bay | None = None,
    but: Appointment | None = None,
) -> Iterator[int]:
    """A bay that is free from `start` on, and stays so until the block has written its visit: lock, look, write.

    Raises NotASlot, TooFarAhead; SlotTaken once the locks are gone, so that nobody waits for its alternatives.
    """
    slot = offered_slot(location=location, start=start, length=length, now=now)
    try:
        with transaction.atomic():
            lock_bays(location_id=location.pk)
            bay_id = bays_of(location, slot, wanted=wanted, but=but).free(slot)
            if bay_id is None:
                raise SlotTaken
            yield bay_id
            return
    except SlotTaken:
        pass
    except IntegrityError as error:  # the database has the last word on whoever did not lock
        if not violates(error, Appointment, "bay_is_held_once"):
            raise
    free = next_free_slots(location=location, after=start, length=length, now=now, wanted=wanted, but=but)
    raise _taken(location, "This bay is taken at that time." if wanted else "That time is taken.", free)


def _taken(location: Location, text: str, free: Sequence[Slot]) -> SlotTaken:
    times = ", ".join(f"{on_the_wall(location, slot.start):%a %d %b %H:%M}" for slot in free)
    hint = f"Next free: {times}." if free else f"Nothing is free in the next {DAYS_AHEAD} days."
    return SlotTaken(f"{text} {hint}", alternatives=[slot._asdict() for slot in free])


def _words(services: Iterable[ServiceType]) -> str:
    return ", ".join(service.name for service in services)


def _services_of(visit: Appointment) -> list[ServiceType]:
    rows = Appointment.services.through.objects.filter(appointment=visit)
    return [row.servicetype for row in rows.select_related("servicetype").order_by("id")]


def _write_services(visit: Appointment, services: Iterable[ServiceType]) -> None:
    """In the order they were named, which `set()` would lose."""
    through = Appointment.services.through
    through.objects.bulk_create(through(appointment=visit, servicetype=service) for service in services)


def assign_technician(
    *, appointment: Appointment, technician: Technician, by: int | None, now: datetime
) -> None:
    """Put a technician on a visit that is not over; assigning another one replaces him.

    Raises IllegalTransition when it is completed or cancelled.
    """
    with transaction.atomic():
        assigned = Appointment.objects.filter(pk=appointment.pk, status__in=HOLDS_A_BAY).update(
            technician=technician, assigned_at=now
        )
        appointment.refresh_from_db()
        if not assigned:
            raise refusal(appointment, "assigned")
        write_history(appointment, by=by, now=now, why=f"assigned: {technician.name}")


def start_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """The vehicle is in the bay. Raises NoTechnician, IllegalTransition."""
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update())
        if appointment.status == AppointmentStatus.PENDING and appointment.technician_id is None:
            raise NoTechnician
        _move(appointment, AppointmentStatus.IN_PROGRESS, by=by, now=now, started_at=now)


def complete_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """The work is done and the bay is free. Raises IllegalTransition."""
    _move(appointment, AppointmentStatus.COMPLETED, by=by, now=now, completed_at=now)


def cancel_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """The visit does not take place, or stops; the bay is free. Raises IllegalTransition."""
    _move(appointment, AppointmentStatus.CANCELLED, by=by, now=now, cancelled_at=now)


def call_off_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """The customer's own cancelling, while nobody has begun. Raises IllegalTransition."""
    transition(
        appointment,
        AppointmentStatus.CANCELLED,
        machine=_CALLING_OFF,
        by=by,
        now=now,
        values={"cancelled_at": now},
    )


def _move(appointment: Appointment, to: str, *, by: int | None, now: datetime, **stamps: datetime) -> None:
    with transaction.atomic():
        transition(appointment, to, machine=APPOINTMENT_MACHINE, by=by, now=now, values=stamps)
        push.tell(
            "APPOINTMENT",
            customer_id=appointment.customer_id,
            uuid=appointment.uuid,
            at=now,
            status=appointment.status,
        )


def change_words(*, appointment: Appointment, **words: Any) -> None:
    """Change the customer's words (`description`, `reported_problem`) or the shop's (`notes`)."""
    change(appointment, **words)


def save_technician(technician: Technician, **fields: Any) -> Technician:
    """Write a new technician, or some fields of one."""
    if technician._state.adding:
        return Technician.objects.create(**fields)
    change(technician, **fields)
    return technician
