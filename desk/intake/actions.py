"""Take in a customer: customer, vehicle and visit in one transaction (docs/design, D113)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from appointments.actions import book_appointment, walk_in
from appointments.models import Appointment, Bay, Location, ServiceType, Technician
from customers.actions import add_walk_in
from customers.calls.actions import note_call
from customers.models import Customer, PhoneCall
from repair_orders.check_in import check_in
from repair_orders.models import RepairOrder
from vehicles.actions import add_vehicle
from vehicles.models import OdometerSource, Vehicle


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to book. `start` is None for a walk-in, which begins now. `bay` and `technician` are None for any.

    With `is_left` the vehicle stays without a bay, and there is no appointment. It is checked in then, too.
    With `checks_in` the vehicle is here: a repair order is opened with `odometer` (miles), `promised_at` and
    `key_tag`, or the requested `order` is taken.
    """

    location: Location
    start: datetime | None
    services: Sequence[ServiceType] = ()
    description: str = ""
    bay: Bay | None = None
    technician: Technician | None = None
    allow_overlap: bool = False
    is_left: bool = False
    checks_in: bool = False
    odometer: Decimal | None = None
    promised_at: datetime | None = None
    key_tag: str = ""
    order: RepairOrder | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """What was entered or found. Vehicle, appointment, order and call are None where none was asked for."""

    customer: Customer
    vehicle: Vehicle | None = None
    appointment: Appointment | None = None
    order: RepairOrder | None = None
    call: PhoneCall | None = None


def take_in(
    *,
    customer: Customer | dict[str, Any],
    vehicle: Vehicle | dict[str, Any] | None = None,
    visit: Visit | None = None,
    said: str = "",
    by: int | None,
    now: datetime,
) -> Intake:
    """Enter a customer, their vehicle and a visit, all of them or none.

    Customer and vehicle are stored rows, or the fields of new ones as `add_walk_in` and `add_vehicle` take them. The
    odometer of a new vehicle is that of its check-in, too. `said` is what a customer without a visit said, which is
    noted as a call. Raises the errors of these, of `book_appointment`, `walk_in`, `check_in` and `note_call`.
    """
    with transaction.atomic():
        owner = customer if isinstance(customer, Customer) else add_walk_in(now=now, **customer)
        car = vehicle if isinstance(vehicle, Vehicle) else None
        if isinstance(vehicle, dict):
            is_here = visit is not None and (visit.checks_in or visit.is_left)
            source = OdometerSource.CHECK_IN if is_here else OdometerSource.MANUAL
            car = add_vehicle(customer=owner, by=by, now=now, source=source, **vehicle)
            if visit is not None and visit.odometer is None:
                visit = replace(visit, odometer=vehicle.get("odometer"))
        if car is None or visit is None:
            call = note_call(customer=owner, outcome=said, by=by, now=now) if said else None
            return Intake(owner, car, call=call)
        appointment = None if visit.is_left else _book(owner, car, visit, by=by, now=now)
        order = None
        if visit.checks_in or visit.is_left:
            order = _check_in(car, appointment, visit, by=by, now=now)
    return Intake(owner, car, appointment, order)


def _book(
    customer: Customer, vehicle: Vehicle, visit: Visit, *, by: int | None, now: datetime
) -> Appointment:
    shared: dict[str, Any] = {
        "customer": customer,
        "vehicle": vehicle,
        "location": visit.location,
        "services": visit.services,
        "bay": visit.bay,
        "technician": visit.technician,
        "allow_overlap": visit.allow_overlap,
        "description": visit.description,
        "now": now,
    }
    if visit.start is None:
        return walk_in(by=by, **shared)
    return book_appointment(start=visit.start, by_staff=True, **shared)


def _check_in(
    vehicle: Vehicle, appointment: Appointment | None, visit: Visit, *, by: int | None, now: datetime
) -> RepairOrder:
    arrival: dict[str, Any] = {"appointment": appointment}
    if appointment is None:
        arrival = {
            "vehicle": vehicle,
            "location": visit.location,
            "services": visit.services,
            "technician": visit.technician,
        }
    return check_in(
        **arrival,
        odometer=visit.odometer,
        promised_at=visit.promised_at,
        key_tag=visit.key_tag,
        description=visit.description,
        order=visit.order,
        anyway=True,  # the page names an open order before
        by=by,
        now=now,
    )
