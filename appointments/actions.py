"""Actions on appointments: book, move, assign, start, complete and cancel.

Booking and moving find a free bay under a lock on the location's bays. The other actions are transitions of
`APPOINTMENT_MACHINE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction

from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Location,
    ReportedProblem,
    ServiceType,
    Technician,
)
from appointments.queries import (
    find_next_free_slots,
    get_appointment_length,
    get_bay_schedule,
    get_slot,
    local_time,
)
from appointments.slots import DAYS_AHEAD, Slot
from common.domain.database import change, violates
from common.domain.errors import DomainError
from common.domain.transitions import Machine, refusal, transition, write_history
from common.domain.types import Json
from customers.models import Customer
from vehicles.actions import check_in_use
from vehicles.models import Vehicle

# The permission of each transition, in the API and in the admin.
PERMISSIONS = {
    "assign": "appointments.assign_appointment",
    "start": "appointments.work_appointment",
    "complete": "appointments.work_appointment",
    "cancel": "appointments.change_appointment",
}
# Customers can cancel only before work begins. After that their vehicle is in the bay, and staff decide.
_CUSTOMER_MACHINE: Machine = {AppointmentStatus.PENDING: frozenset({AppointmentStatus.CANCELLED})}


class NoTechnician(DomainError):
    """The appointment cannot start, because it has no technician."""

    code = "no_technician"
    title = "No technician assigned"
    message = "Assign a technician before starting the appointment."


class SlotTaken(DomainError):
    """No bay is free for the whole appointment. `alternatives` are the next free slots at the location."""

    code = "slot_taken"
    title = "Slot taken"


class AppointmentTexts(TypedDict, total=False):
    """The texts of an appointment: the customer's (`description`, `reported_problem`) and the shop's (`notes`)."""

    description: str
    notes: str
    reported_problem: ReportedProblem | None


class TechnicianFields(TypedDict, total=False):
    name: str
    role: str
    email: str
    location_id: int | None


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
    **texts: Unpack[AppointmentTexts],
) -> Appointment:
    """Book an appointment in `bay`, or else in the first bay that is free for the length of the services.

    An empty description becomes the names of the services. Raises VehicleNotOfCustomer, NotASlot, TooFarAhead,
    SlotTaken.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    length = get_appointment_length(services)
    texts["description"] = texts.get("description") or _describe(services)
    with hold_free_bay(location, start, length, now=now, bay=bay) as bay_id:
        appointment = Appointment.objects.create(
            customer=customer,
            vehicle=vehicle,
            location=location,
            bay_id=bay_id,
            start=start,
            end=start + length,
            technician=technician,
            assigned_at=now if technician else None,
            **texts,
        )
        _add_services(appointment, services)
    return appointment


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
    """Change time, location, vehicle, services or bay of a pending appointment. Arguments that are None change nothing.

    The appointment keeps its bay if that bay is free. Raises IllegalTransition, VehicleNotOfCustomer, NotASlot,
    TooFarAhead, SlotTaken, and leaves the appointment unchanged then.
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
            length = get_appointment_length(services)
            if appointment.description == _describe(_services_of(appointment)):
                values["description"] = _describe(services)  # the customer wrote no description
        new_location, new_start = location or appointment.location, start or appointment.start
        before = (appointment.location, appointment.start, appointment.end)
        if (new_location, new_start, new_start + length) != before or bay not in (None, appointment.bay):
            with hold_free_bay(
                new_location, new_start, length, now=now, bay=bay, ignoring=appointment
            ) as bay_id:
                values |= {"location": new_location, "bay_id": bay_id}
                values |= {"start": new_start, "end": new_start + length}
                change(appointment, **values)
        else:
            change(appointment, **values)
        if services is not None:
            appointment.services.clear()
            _add_services(appointment, services)


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

    `bay` allows only that bay. `ignoring` is the appointment that is about to move. Raises NotASlot and TooFarAhead.
    SlotTaken is raised after the locks are released, so that parallel bookings do not wait for the search for
    alternatives.
    """
    slot = get_slot(location=location, start=start, length=length, now=now)
    try:
        with transaction.atomic():
            lock_bays(location_id=location.pk)
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


def _slot_taken(location: Location, text: str, alternatives: Sequence[Slot]) -> SlotTaken:
    times = ", ".join(f"{local_time(location, slot.start):%a %d %b %H:%M}" for slot in alternatives)
    hint = f"Next free: {times}." if alternatives else f"Nothing is free in the next {DAYS_AHEAD} days."
    return SlotTaken(f"{text} {hint}", alternatives=[slot._asdict() for slot in alternatives])


def _describe(services: Iterable[ServiceType]) -> str:
    return ", ".join(service.name for service in services)


def _services_of(appointment: Appointment) -> list[ServiceType]:
    rows = Appointment.services.through.objects.filter(appointment=appointment)
    return [row.servicetype for row in rows.select_related("servicetype").order_by("id")]


def _add_services(appointment: Appointment, services: Iterable[ServiceType]) -> None:
    # `services.set()` would not keep the order.
    through = Appointment.services.through
    through.objects.bulk_create(through(appointment=appointment, servicetype=service) for service in services)


def assign_technician(
    *, appointment: Appointment, technician: Technician, by: int | None, now: datetime
) -> None:
    """Assign a technician to a pending or started appointment. They replace the present technician.

    Raises IllegalTransition if the appointment is completed or cancelled.
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
    """Start the work: the vehicle is in the bay. Raises NoTechnician, IllegalTransition."""
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update())
        if appointment.status == AppointmentStatus.PENDING and appointment.technician_id is None:
            raise NoTechnician
        _transition(appointment, AppointmentStatus.IN_PROGRESS, by=by, now=now, started_at=now)


def complete_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Complete the work and free the bay. Raises IllegalTransition."""
    _transition(appointment, AppointmentStatus.COMPLETED, by=by, now=now, completed_at=now)


def cancel_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Cancel a pending or started appointment and free the bay. Raises IllegalTransition."""
    _transition(appointment, AppointmentStatus.CANCELLED, by=by, now=now, cancelled_at=now)


def cancel_pending_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Cancel an appointment for the customer, before work begins. Raises IllegalTransition."""
    transition(
        appointment,
        AppointmentStatus.CANCELLED,
        machine=_CUSTOMER_MACHINE,
        by=by,
        now=now,
        values={"cancelled_at": now},
    )


def _transition(
    appointment: Appointment, to: str, *, by: int | None, now: datetime, **stamps: datetime
) -> None:
    transition(appointment, to, machine=APPOINTMENT_MACHINE, by=by, now=now, values=stamps)


def change_texts(*, appointment: Appointment, **texts: Unpack[AppointmentTexts]) -> None:
    """Change the texts of an appointment, in any state."""
    change(appointment, **texts)


def save_technician(technician: Technician, **fields: Unpack[TechnicianFields]) -> Technician:
    """Create a technician, or change some fields of one, and return them."""
    if technician._state.adding:
        return Technician.objects.create(**fields)
    change(technician, **fields)
    return technician
