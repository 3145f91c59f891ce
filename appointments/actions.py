"""Actions on appointments: book, move, assign, start, complete and cancel.

Booking and moving hold a free bay, the technician and the vehicle (`holds.py`). The other actions are transitions of
`APPOINTMENT_MACHINE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from typing import Any, TypedDict, Unpack, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from appointments.holds import (
    SlotTaken,
    TechnicianIsAway,
    TechnicianIsBusy,
    VehicleIsBooked,
    hold_bay_now,
    hold_free_bay,
    hold_technician,
    hold_vehicle,
    lock_bays,
    slot_taken,
)
from appointments.mail import VisitMail
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
    appointments_outside_hours,
    count_ahead,
    find_free_bays,
    find_next_free_slots,
    get_appointment_length,
    get_available_slots,
    get_hours_to_book,
    is_ahead,
    local_time,
    resolve_start,
)
from appointments.slots import LONGEST, OVERRUN, Slot
from appointments.tasks import tell_customer
from common.domain import events
from common.domain.changes import change, change_silently
from common.domain.database import violates
from common.domain.defaults import settle_default
from common.domain.errors import DomainError, Invalid
from common.domain.history import acting_user
from common.domain.transitions import Machine, refusal, transition, write_history
from common.domain.types import Json
from customers.models import Customer
from vehicles.locks import check_in_use, hold_in_use
from vehicles.models import Vehicle

# The permission of each transition, in the API and in the admin.
PERMISSIONS = {
    "assign": "appointments.assign_appointment",
    "start": "appointments.work_appointment",
    "complete": "appointments.work_appointment",
    "cancel": "appointments.change_appointment",
    "walk_in": "appointments.add_appointment",
}
_MINUTE = timedelta(minutes=1)
# Customers can cancel only before work begins. After that their vehicle is in the bay, and staff decide.
_CUSTOMER_MACHINE: Machine = {AppointmentStatus.PENDING: frozenset({AppointmentStatus.CANCELLED})}
# A vehicle that leaves the shop ends its visit, although nobody put it into its bay or took it out.
_LEAVING_MACHINE: Machine = {status: frozenset({AppointmentStatus.COMPLETED}) for status in HOLDS_A_BAY}


class NoTechnician(DomainError):
    """The appointment cannot start, because it has no technician."""

    code = "no_technician"
    title = "No technician assigned"
    message = "Assign a technician before starting the appointment."


class BayOccupied(DomainError):
    """Another vehicle is in the bay. `free_bays` are those that are free for the length of the appointment."""

    code = "bay_occupied"
    title = "Bay is occupied"

    def __init__(self, appointment: Appointment, free: Sequence[Bay]) -> None:
        names = ", ".join(bay.name for bay in free)
        hint = f"Free now: {names}." if free else "No other bay is free now."
        super().__init__(
            f"{appointment.bay.name} is occupied. Complete the work there or choose another bay. {hint}",
            free_bays=[{"id": bay.pk, "name": bay.name} for bay in free],
        )


class WrongLength(Invalid):
    code = "wrong_length"
    title = "Wrong length"


class TooManyAppointments(DomainError):
    """A customer has as many appointments ahead as customers may book. Staff can book more."""

    code = "too_many_appointments"
    title = "Too many appointments"

    def __init__(self, owner: str, limit: int) -> None:
        super().__init__(
            f"{owner} can have at most {limit} appointments ahead. Cancel one, or ask the shop to book for you."
        )


class AppointmentsOutsideHours(DomainError):
    """A change of hours leaves booked appointments outside of them. `appointments` names them."""

    code = "appointments_outside_hours"
    title = "Appointments are booked"

    def __init__(self, message: str, *, appointments: list[Json]) -> None:
        super().__init__(message, appointments=appointments)
        self.appointments = appointments


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
    by_staff: bool = False,
    allow_overlap: bool = False,
    **texts: Unpack[AppointmentTexts],
) -> Appointment:
    """Book an appointment in `bay`, or else in the first bay that is free for the length of the services.

    An empty description becomes the names of the services. The numbers of appointments ahead are not limited
    `by_staff`. `allow_overlap` lets the technician have another appointment at that time or be away, and the location
    have more appointments than technicians at work. Raises VehicleNotOfCustomer, NotASlot, TooFarAhead, SlotTaken,
    TechnicianIsBusy, TechnicianIsAway, VehicleIsBooked, TooManyAppointments, NoCustomerRecord.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    length, start = get_appointment_length(services), resolve_start(location, start)
    texts["description"] = texts.get("description") or _describe(services)
    is_crew_bound = not (by_staff and allow_overlap)
    with hold_free_bay(location, start, length, now=now, bay=bay, is_crew_bound=is_crew_bound) as bay_id:
        slot = Slot(start, start + length)
        if technician is not None and not allow_overlap:
            hold_technician(technician, slot, location=location, now=now)
        with hold_vehicle(vehicle, slot, now=now):
            if not by_staff:
                _check_numbers(vehicle, customer, now=now)
            hold_in_use(vehicle=vehicle, customer=customer)
            appointment = Appointment.objects.create(
                customer=customer,
                vehicle=vehicle,
                location=location,
                bay_id=bay_id,
                start=start,
                end=slot.end,
                technician=technician,
                assigned_at=now if technician else None,
                **texts,
            )
            _add_services(appointment, services)
            _record("booked", appointment, now=now)
            tell_customer(appointment, VisitMail.BOOKED, now=now)
    return appointment


def book_first_free(
    *,
    customer: Customer,
    vehicle: Vehicle,
    location: Location,
    day: date,
    now: datetime,
    services: Sequence[ServiceType] = (),
    **texts: Unpack[AppointmentTexts],
) -> Appointment:
    """Book the first time of a local day of the location at which a bay, a technician and the vehicle are free.

    A time that a parallel booking takes is passed over. Raises NotASlot for a day that is over or closed, SlotTaken if
    no time is left, VehicleIsBooked if only the vehicle is busy, and the other errors of `book_appointment`.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    length = get_appointment_length(services)
    hours = get_hours_to_book(location, day, now)
    refused: SlotTaken | VehicleIsBooked | None = None
    for slot in get_available_slots(location=location, day=day, length=length, now=now):
        try:
            return book_appointment(
                customer=customer,
                vehicle=vehicle,
                location=location,
                start=slot.start,
                services=services,
                now=now,
                **texts,
            )
        except (SlotTaken, VehicleIsBooked) as error:
            refused = error
    if isinstance(refused, VehicleIsBooked):
        raise refused
    raise slot_taken(
        location,
        f"No time is left on {day} at {location.name}.",
        find_next_free_slots(location=location, after=max(hours.start, now), length=length, now=now),
    )


def walk_in(
    *,
    customer: Customer,
    vehicle: Vehicle,
    location: Location,
    now: datetime,
    services: Sequence[ServiceType] = (),
    minutes: int | None = None,
    bay: Bay | None = None,
    technician: Technician | None = None,
    by: int | None = None,
    allow_overlap: bool = False,
    **texts: Unpack[AppointmentTexts],
) -> Appointment:
    """Book a vehicle that is here, from now on, in `bay` or else in the first bay that is free throughout.

    Its length is that of the services, else `minutes` (5 to 1440), else 30 minutes. Neither the grid nor the opening
    hours nor the number of technicians restrict it. Raises VehicleNotOfCustomer, WrongLength, BayElsewhere, NoFreeBay,
    TechnicianIsBusy, TechnicianIsAway, VehicleIsBooked, NoCustomerRecord.
    """
    check_in_use(vehicle=vehicle, customer=customer)
    length = walk_in_length(services, minutes)
    texts["description"] = texts.get("description") or _describe(services)
    with hold_bay_now(location, length, now=now, bay=bay) as bay_id:
        slot = Slot(now, now + length)
        if technician is not None and not allow_overlap:
            hold_technician(technician, slot, location=location, now=now)
        with hold_vehicle(vehicle, slot, now=now):
            hold_in_use(vehicle=vehicle, customer=customer)
            appointment = Appointment(
                customer=customer,
                vehicle=vehicle,
                location=location,
                bay_id=bay_id,
                start=slot.start,
                end=slot.end,
                technician=technician,
                assigned_at=now if technician else None,
                **texts,
            )
            if by is not None:
                appointment._history_user = acting_user(by)  # type: ignore[attr-defined]  # read by simple-history
            appointment._change_reason = "walk-in"  # type: ignore[attr-defined]
            appointment.save(force_insert=True)
            _add_services(appointment, services)
            _record("booked", appointment, now=now)
    return appointment


def walk_in_length(services: Sequence[ServiceType], minutes: int | None = None) -> timedelta:
    """Return the time for which a walk-in holds its bay. Raises WrongLength."""
    if not services and minutes is not None and not 5 <= minutes <= LONGEST // _MINUTE:
        raise WrongLength(f"Give 5 to {LONGEST // _MINUTE} minutes, not {minutes}.", field="minutes")
    length = minutes * _MINUTE if minutes and not services else get_appointment_length(services)
    if length > LONGEST:
        raise WrongLength(
            f"The services take {length // _MINUTE} minutes, and an appointment at most {LONGEST // _MINUTE}.",
            field="services",
        )
    return length


def move_appointment(
    *,
    appointment: Appointment,
    now: datetime,
    vehicle: Vehicle | None = None,
    location: Location | None = None,
    start: datetime | None = None,
    services: Sequence[ServiceType] | None = None,
    bay: Bay | None = None,
    by_staff: bool = False,
    allow_overlap: bool = False,
) -> None:
    """Change time, location, vehicle, services or bay of a pending appointment. Arguments that are None change nothing.

    The appointment keeps its bay if that bay is free. Its technician may be busy or away at the new time. Then staff
    must `allow_overlap`, and a customer's move leaves the appointment without a technician. Raises IllegalTransition,
    VehicleNotOfCustomer, NotASlot, TooFarAhead, SlotTaken, TechnicianIsBusy, TechnicianIsAway, VehicleIsBooked,
    TooManyAppointments, NoCustomerRecord, and leaves the appointment unchanged then.
    """
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(no_key=True))
        if appointment.status != AppointmentStatus.PENDING:
            raise refusal(appointment, "moved")
        values: Json = {}
        # What the customer was told. The bay is the shop's.
        is_changed = vehicle not in (None, appointment.vehicle)
        if vehicle is not None:
            check_in_use(vehicle=vehicle, customer=appointment.customer)
            values["vehicle"] = vehicle
        length = appointment.end - appointment.start
        if services is not None:
            present = _services_of(appointment)
            is_changed |= list(services) != present
            length = get_appointment_length(services)
            if appointment.description == _describe(present):
                values["description"] = _describe(services)  # the customer wrote no description
        new_location = location or appointment.location
        new_start = appointment.start if start is None else resolve_start(new_location, start)
        before = (appointment.location, appointment.start, appointment.end - appointment.start)
        after = (new_location, new_start, length)
        is_moved = after != before or bay not in (None, appointment.bay)
        with ExitStack() as held:
            if is_moved:
                free_bay = hold_free_bay(
                    new_location,
                    new_start,
                    length,
                    now=now,
                    bay=bay,
                    ignoring=appointment,
                    is_start_kept=after == before,
                    is_crew_bound=not (by_staff and allow_overlap),
                )
                values |= {"location": new_location, "bay_id": held.enter_context(free_bay)}
                values |= {"start": new_start, "end": new_start + length}
            slot = Slot(new_start, new_start + length)
            if is_moved and not allow_overlap:
                values |= _keep_technician(
                    appointment, slot, location=new_location, now=now, by_staff=by_staff
                )
            if is_moved or vehicle is not None:
                held.enter_context(
                    _hold_to_move(appointment, slot, vehicle=vehicle, now=now, by_staff=by_staff)
                )
            is_changed |= after != before
            change_silently(appointment, **values, sequence=appointment.sequence + is_changed)
        if services is not None:
            appointment.services.clear()
            _add_services(appointment, services)
        if is_moved or is_changed:
            _tell_move(appointment, is_for_customer=is_changed, now=now)


def _tell_move(appointment: Appointment, *, is_for_customer: bool, now: datetime) -> None:
    _record("moved", appointment, now=now)
    if is_for_customer:
        tell_customer(appointment, VisitMail.MOVED, now=now)


def _keep_technician(
    appointment: Appointment, slot: Slot, *, location: Location, now: datetime, by_staff: bool
) -> Json:
    """Return the values that a move to the slot changes, because the appointment's technician is busy or away then.

    Raises TechnicianIsBusy and TechnicianIsAway for staff, who can choose. A customer does not know of the other
    appointment.
    """
    if appointment.technician is None:
        return {}
    try:
        hold_technician(appointment.technician, slot, location=location, now=now, ignoring=appointment)
    except (TechnicianIsAway, TechnicianIsBusy):
        if by_staff:
            raise
        return {"technician_id": None, "assigned_at": None}
    return {}


@contextmanager
def _hold_to_move(
    appointment: Appointment, slot: Slot, *, vehicle: Vehicle | None, now: datetime, by_staff: bool
) -> Iterator[None]:
    """Hold the vehicle, which may be another one, and the customer of an appointment that is about to move."""
    new_vehicle, customer = vehicle or appointment.vehicle, appointment.customer
    with hold_vehicle(new_vehicle, slot, now=now, ignoring=appointment):
        # An appointment that counts already can move, although staff booked more than customers can.
        is_counted = is_ahead(appointment, now) and new_vehicle.pk == appointment.vehicle_id
        if not by_staff and not is_counted:
            _check_numbers(new_vehicle, customer, now=now, ignoring=appointment)
        hold_in_use(vehicle=new_vehicle, customer=customer)
        yield


@contextmanager
def watch_appointments(location: Location, *, now: datetime, anyway: bool = False) -> Iterator[None]:
    """Raise AppointmentsOutsideHours if a change of hours in the block leaves more appointments outside of them.

    With `anyway` they stay as they are. The bays are locked, so that a booking waits for the change.
    """
    with transaction.atomic():
        lock_bays(location_id=location.pk)
        before = {row.pk for row in appointments_outside_hours(Location.objects.get(pk=location.pk), now)}
        yield
        changed = Location.objects.get(pk=location.pk)
        left = [row for row in appointments_outside_hours(changed, now) if row.pk not in before]
        if left and not anyway:
            raise AppointmentsOutsideHours(
                f"{len(left)} booked appointments would be outside the hours of {changed.name}.",
                appointments=[
                    {"id": row.pk, "start": local_time(changed, row.start), "customer": row.customer.name}
                    for row in left
                ],
            )


def _check_numbers(
    vehicle: Vehicle, customer: Customer, *, now: datetime, ignoring: Appointment | None = None
) -> None:
    """Raise TooManyAppointments unless the customer may book another one for the vehicle, which is locked.

    The customer is locked as well, so that parallel bookings of two vehicles are counted one after the other.
    """
    locked = Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk)
    is_verified = locked.values_list("is_verified", flat=True).first()
    if count_ahead(vehicle=vehicle, now=now, ignoring=ignoring) >= settings.MAX_APPOINTMENTS_VEHICLE:
        raise TooManyAppointments("A vehicle", settings.MAX_APPOINTMENTS_VEHICLE)
    limit = settings.MAX_APPOINTMENTS_CUSTOMER
    if not is_verified and count_ahead(customer=customer, now=now, ignoring=ignoring) >= limit:
        raise TooManyAppointments("A customer whom the shop has not verified", limit)


def _describe(services: Iterable[ServiceType]) -> str:
    return ", ".join(service.name for service in services)


def _services_of(appointment: Appointment) -> list[ServiceType]:
    rows = Appointment.services.through.objects.filter(appointment=appointment)
    return [row.servicetype for row in rows.select_related("servicetype").order_by("id")]


def _add_services(appointment: Appointment, services: Iterable[ServiceType]) -> None:
    # `services.set()` would not keep the order.
    through = Appointment.services.through
    through.objects.bulk_create(through(appointment=appointment, servicetype=service) for service in services)


def _record(what: str, appointment: Appointment, *, now: datetime) -> None:
    events.record(
        f"appointments.appointment.{what}", appointment, at=now, start=appointment.start.isoformat()
    )


def assign_technician(
    *,
    appointment: Appointment,
    technician: Technician,
    by: int | None,
    now: datetime,
    allow_overlap: bool = False,
) -> None:
    """Assign a technician to a pending or started appointment. They replace the present technician.

    Raises IllegalTransition if the appointment is completed or cancelled. Unless `allow_overlap`, raises
    TechnicianIsBusy for another appointment of the technician, and TechnicianIsAway outside of their shifts.
    """
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(no_key=True))
        if appointment.status not in HOLDS_A_BAY:
            raise refusal(appointment, "assigned")
        if not allow_overlap:
            is_in_work = appointment.status == AppointmentStatus.IN_PROGRESS
            end = max(appointment.end, now + OVERRUN) if is_in_work else appointment.end
            hold_technician(
                technician,
                Slot(appointment.start, end),
                location=appointment.location,
                now=now,
                ignoring=appointment,
            )
        Appointment.objects.filter(pk=appointment.pk).update(technician=technician, assigned_at=now)
        appointment.refresh_from_db()
        write_history(appointment, by=by, now=now, why=f"assigned: {technician.name}")
        events.record("appointments.appointment.assigned", appointment, at=now, technician_id=technician.pk)


def start_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Start the work: the vehicle is in the bay. Raises NoTechnician, IllegalTransition, BayOccupied.

    A constraint allows one started appointment a bay, so that one of two parallel starts is refused.
    """
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(no_key=True))
        if appointment.status == AppointmentStatus.PENDING and appointment.technician_id is None:
            raise NoTechnician
        try:
            _transition(appointment, AppointmentStatus.IN_PROGRESS, by=by, now=now, started_at=now)
        except IntegrityError as error:
            if not violates(error, Appointment, "bay_has_one_in_progress"):
                raise
            slot = Slot(now, now + (appointment.end - appointment.start))
            free = find_free_bays(appointment.location, slot, now=now)
            raise BayOccupied(appointment, free) from error


def complete_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Complete the work and free the bay. Raises IllegalTransition."""
    _transition(appointment, AppointmentStatus.COMPLETED, by=by, now=now, completed_at=now)


def end_visit(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Complete the visit of a vehicle that leaves, pending or started, and free the bay. One that is over stays so."""
    with transaction.atomic():
        appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(no_key=True))
        if appointment.status in HOLDS_A_BAY:
            transition(
                appointment,
                AppointmentStatus.COMPLETED,
                machine=_LEAVING_MACHINE,
                by=by,
                now=now,
                values={"completed_at": now},
            )


def cancel_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Cancel a pending or started appointment and free the bay. Raises IllegalTransition.

    The customer is told unless work had begun.
    """
    _cancel(appointment, machine=APPOINTMENT_MACHINE, by=by, now=now)


def cancel_pending_appointment(*, appointment: Appointment, by: int | None, now: datetime) -> None:
    """Cancel an appointment for the customer, before work begins. Raises IllegalTransition."""
    _cancel(appointment, machine=_CUSTOMER_MACHINE, by=by, now=now)


def _cancel(appointment: Appointment, *, machine: Machine, by: int | None, now: datetime) -> None:
    with transaction.atomic():
        transition(
            appointment,
            AppointmentStatus.CANCELLED,
            machine=machine,
            by=by,
            now=now,
            values={"cancelled_at": now, "sequence": F("sequence") + 1},
        )
        if appointment.started_at is None:
            tell_customer(appointment, VisitMail.CANCELLED, now=now)


def _transition(
    appointment: Appointment, to: str, *, by: int | None, now: datetime, **stamps: datetime
) -> None:
    transition(appointment, to, machine=APPOINTMENT_MACHINE, by=by, now=now, values=stamps)


def change_texts(*, appointment: Appointment, **texts: Unpack[AppointmentTexts]) -> None:
    """Change the texts of an appointment, in any state."""
    change(appointment, **texts)


def change_appointment(
    *, appointment: Appointment, now: datetime, allow_overlap: bool = False, **fields: Any
) -> None:
    """Change texts and time, location, vehicle, services or bay of an appointment for staff, all of them or none.

    Texts can change in any state. The others are moves: raises the errors of `move_appointment`.
    """
    names = AppointmentTexts.__annotations__
    texts = cast("AppointmentTexts", {name: fields.pop(name) for name in names if name in fields})
    with transaction.atomic():
        if fields:
            move_appointment(
                appointment=appointment, now=now, by_staff=True, allow_overlap=allow_overlap, **fields
            )
        change_texts(appointment=appointment, **texts)


def save_location(location: Location, *, is_default: bool | None = None, **fields: object) -> Location:
    """Create a location, or change a stored one, and return it. The first location is the default.

    Raises DefaultIsNeeded.
    """
    with transaction.atomic():
        others = Location.objects.exclude(pk=location.pk)
        if location._state.adding:
            is_default = settle_default(location, others, wanted=is_default)
            location = Location.objects.create(**fields, is_default=is_default)
            events.record_new(location)
            return location
        if is_default is not None:
            fields["is_default"] = settle_default(location, others, wanted=is_default)
        change(location, **fields)
        return location


def make_default_location(*, location: Location, by: int | None = None, now: datetime | None = None) -> None:
    """Make a location the default one."""
    save_location(location, is_default=True)


def save_technician(technician: Technician, **fields: Unpack[TechnicianFields]) -> Technician:
    """Create a technician, or change some fields of one, and return them."""
    if technician._state.adding:
        with transaction.atomic():
            technician = Technician.objects.create(**fields)
            events.record_new(technician)
        return technician
    change(technician, **fields)
    return technician
