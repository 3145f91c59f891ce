"""Check a vehicle in: an appointment, or the vehicle of a walk-in, becomes a repair order (docs/design, D104).

Rows are locked in the order appointment, vehicle, order. Who checks the same vehicle in at the same time waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from accounts.models import User
from appointments.models import HOLDS_A_BAY, Appointment, Location, ServiceType, Technician
from common.domain import events
from common.domain.errors import DomainError, Invalid
from common.domain.transitions import refusal
from common.domain.types import Json
from repair_orders.actions import AppointmentHasOrder, WrongAppointment, change_order, request_repair
from repair_orders.changes import lock
from repair_orders.jobs import FIRST_JOB, PriceIsNeeded, add_canned_job, add_job
from repair_orders.models import OPEN_STATUSES, Job, RepairOrder, RepairOrderStatus
from vehicles.locks import lock_in_use
from vehicles.models import OdometerReading, OdometerSource, Vehicle
from vehicles.odometer import read_odometer

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"check_in": "repair_orders.add_repairorder"}


class OrderIsOpen(DomainError):
    """The vehicle has open orders. The facts name the one to take, if there is one, and all of them."""

    code = "order_is_open"
    title = "The vehicle has an open order"

    def __init__(self, orders: Sequence[RepairOrder]) -> None:
        order = next((order for order in orders if is_offered(order)), orders[0])
        way = "Make another order with anyway: true."
        if is_offered(order):
            way = f"Take it (repair_order_id: {order.pk}), or make another order (anyway: true)."
        super().__init__(
            f"This vehicle has repair order {order.reference}, which is {_words(order.status)}. {way}",
            repair_order_id=order.pk,
            orders=[
                {
                    "id": row.pk,
                    "number": row.number,
                    "status": row.status,
                    "description": row.description,
                    "can_be_taken": is_offered(row),
                }
                for row in orders
            ],
        )


class OrderCannotBeTaken(DomainError):
    code = "order_cannot_be_taken"
    title = "Order cannot be taken"
    message = "Only a requested order without an appointment can be taken at a check-in."


class WrongOrder(Invalid):
    code = "wrong_order"
    message = "The repair order is of another vehicle."


class PromiseInThePast(Invalid):
    code = "promise_in_the_past"
    message = "The promised time must be in the future."


def is_offered(order: RepairOrder) -> bool:
    """Return whether an open order can be taken at a check-in: it is requested and has no appointment."""
    return order.status == RepairOrderStatus.REQUESTED and order.appointment_id is None


def check_in(
    *,
    now: datetime,
    by: int | None,
    appointment: Appointment | None = None,
    vehicle: Vehicle | None = None,
    location: Location | None = None,
    services: Sequence[ServiceType] = (),
    technician: Technician | None = None,
    odometer: Decimal | None = None,
    promised_at: datetime | None = None,
    key_tag: str = "",
    description: str = "",
    order: RepairOrder | None = None,
    anyway: bool = False,
) -> RepairOrder:
    """Take a vehicle in and return its repair order, whose advisor is the acting user.

    It is that of an appointment, or of a walk-in's vehicle. The services become jobs of the technician. Those of an
    appointment are its own. `odometer` is read in miles. `key_tag` tells where the keys are. `description` are the
    customer's words, by default those of the appointment. `order` is a requested order of the vehicle without an
    appointment, which is taken in place of a new one. While the vehicle has an open order, a new one needs `anyway`.
    The appointment stays as it is, and needs no technician.

    Raises IllegalTransition, AppointmentHasOrder, WrongAppointment, OrderIsOpen, OrderCannotBeTaken, WrongOrder,
    PromiseInThePast, AlreadyArchived, and the errors of `read_odometer`, `request_repair` and `add_canned_job`.
    """
    with transaction.atomic():
        if appointment is not None:
            _hold_appointment(appointment)
            if vehicle is not None and vehicle.pk != appointment.vehicle_id:
                raise WrongAppointment(field="appointment")
            vehicle = appointment.vehicle
        assert vehicle is not None  # a check-in is of an appointment or a vehicle
        if promised_at is not None and promised_at <= now:
            raise PromiseInThePast(field="promised_at")
        lock_in_use(vehicle)
        if appointment is not None:
            services, technician = find_booked_services(appointment), appointment.technician
        words = description or (get_own_words(appointment, services) if appointment else "")
        values: Json = {"checked_in_at": now, "advisor": None if by is None else User.objects.get(pk=by)}
        if promised_at is not None:
            values["promised_at"] = promised_at
        if key_tag:
            values["key_tag"] = key_tag
        if odometer is not None:
            values["odometer_in"] = odometer
            # A vehicle that was entered in this moment has the reading already.
            if (vehicle.odometer, vehicle.odometer_at) != (odometer, now):
                read_odometer(
                    vehicle=vehicle,
                    miles=odometer,
                    by=by,
                    now=now,
                    source=OdometerSource.CHECK_IN,
                    field="odometer",
                )
        if order is not None:
            _take(order, vehicle, appointment, location, words, values)
        else:
            _check_no_open(vehicle, anyway=anyway)
            order = request_repair(
                customer=vehicle.customer,
                vehicle=vehicle,
                description=words,
                now=now,
                location=location,
                appointment=appointment,
                **values,
            )
        _add_jobs(order, services, words, technician=technician)
        events.record("repair_orders.repairorder.checked_in", order, at=now)
    return order


def find_booked_services(appointment: Appointment) -> list[ServiceType]:
    """Return the services of an appointment with their canned jobs, in the order in which they were booked."""
    rows = Appointment.services.through.objects.filter(appointment=appointment)
    return [row.servicetype for row in rows.select_related("servicetype__canned_job").order_by("id")]


def get_own_words(appointment: Appointment, services: Sequence[ServiceType]) -> str:
    """Return the description that the customer wrote, or "". Otherwise it has the names of the services."""
    names = ", ".join(service.name for service in services)
    return "" if appointment.description == names else appointment.description


def find_open_orders(vehicle: Vehicle) -> list[RepairOrder]:
    """Return the open orders of a vehicle, oldest first."""
    return list(RepairOrder.objects.filter(vehicle=vehicle, status__in=OPEN_STATUSES).order_by("id"))


def _hold_appointment(appointment: Appointment) -> None:
    """Lock an appointment that can be checked in. Raises IllegalTransition, AppointmentHasOrder."""
    appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(no_key=True))
    taken = RepairOrder.objects.filter(appointment=appointment).first()
    if taken is not None:
        raise AppointmentHasOrder(taken)
    if appointment.status not in HOLDS_A_BAY:
        raise refusal(appointment, "checked in")


def _check_no_open(vehicle: Vehicle, *, anyway: bool) -> None:
    if anyway:
        return
    if orders := find_open_orders(vehicle):
        raise OrderIsOpen(orders)


def _take(
    order: RepairOrder,
    vehicle: Vehicle,
    appointment: Appointment | None,
    location: Location | None,
    words: str,
    values: Json,
) -> None:
    """Take a requested order: it is of the place at which the vehicle is now, and has the customer's further words."""
    lock(order)
    if order.vehicle_id != vehicle.pk:
        raise WrongOrder(field="order")
    if not is_offered(order):
        raise OrderCannotBeTaken
    place = location or (appointment.location if appointment else None)
    if place is not None and place != order.location:
        values["location"] = place
    if words and words not in order.description:
        values["description"] = f"{order.description}\n\n{words}" if order.description else words
    if appointment is not None:
        values["appointment"] = appointment
    try:
        with transaction.atomic():
            change_order(order=order, **values)
    except IntegrityError as error:  # an order was made for the appointment without its lock
        taken = RepairOrder.objects.filter(appointment=appointment).first()
        if appointment is None or taken is None:
            raise
        raise AppointmentHasOrder(taken) from error


def _add_jobs(
    order: RepairOrder, services: Sequence[ServiceType], words: str, *, technician: Technician | None
) -> None:
    """Add a job for each service. The customer's words are the concern of the first one.

    An order without a service and without a job gets one for the words, so that technicians have something to work on.
    The new jobs are those of the technician, if there is one.
    """
    for number, service in enumerate(services):
        _add_job(order, service, words if number == 0 else "", technician)
    if not services and order.description and not Job.objects.filter(repair_order=order).exists():
        add_job(order=order, name=FIRST_JOB, concern=order.description, technician=technician)


def _add_job(order: RepairOrder, service: ServiceType, words: str, technician: Technician | None) -> None:
    """Add the canned job of a service, or a job of its name without lines.

    A canned job that has no price here gets none, because the vehicle is here. Its price is settled on the order.
    """
    given: Json = {"order": order, "technician": technician, "takes_first": False}
    canned = service.canned_job
    if canned is None:
        add_job(name=service.name, concern=words, **given)
        return
    concern = words or canned.concern
    try:
        add_canned_job(canned=canned, concern=concern, **given)
    except PriceIsNeeded:
        add_job(name=canned.name, concern=concern, **given)


def _words(status: str) -> str:
    return status.replace("_", " ")


def follow_correction(wrong: OdometerReading, correction: OdometerReading) -> None:
    """Correct the figure of the check-in that a replaced reading came from."""
    orders = RepairOrder.objects.filter(
        vehicle=wrong.vehicle_id, checked_in_at=wrong.at, odometer_in=wrong.miles
    )
    for order in orders.order_by("pk"):
        change_order(order=order, odometer_in=correction.miles)
