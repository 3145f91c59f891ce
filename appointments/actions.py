"""The steps of a visit: assign, start, complete, cancel. Each moves through the one status machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Technician,
)
from common import push
from common.database import change
from common.errors import DomainError
from common.transitions import refusal, transition, write_history

# What each step asks for, at every door.
PERMISSIONS = {
    "assign": "appointments.assign_appointment",
    "start": "appointments.work_appointment",
    "complete": "appointments.work_appointment",
    "cancel": "appointments.change_appointment",
}


class NoTechnician(DomainError):
    """A visit cannot start before somebody is assigned to it."""

    code = "no_technician"
    title = "No technician assigned"
    message = "Assign a technician before starting the appointment."


def lock_bays(*, location_id: int) -> None:
    """Hold a location's bays until the transaction ends: lock, then look whether one is free, then write.

    Always in the order of their ids, so that parallel bookings queue instead of deadlocking.
    """
    list(Bay.objects.select_for_update().filter(location_id=location_id).order_by("id").values_list("id"))


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


def change_words(*, appointment: Appointment, **words: str) -> None:
    """Change the customer's words (`description`) or the shop's (`notes`)."""
    change(appointment, **words)


def save_technician(technician: Technician, **fields: Any) -> Technician:
    """Write a new technician, or some fields of one."""
    if technician._state.adding:
        return Technician.objects.create(**fields)
    change(technician, **fields)
    return technician
