"""Book an appointment for a Tuesday on the Monday before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appointments import actions
from appointments.models import Appointment
from testing.factories import VehicleFactory

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)  # a Monday
TEN = datetime(2027, 1, 5, 10, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def book(garage, start=TEN, vehicle=None, services=(), **options):
    vehicle = vehicle or VehicleFactory()
    return actions.book_appointment(
        customer=vehicle.customer, vehicle=vehicle, location=garage, start=start, services=services, now=NOW, **options
    )  # fmt: skip


def state(appointment):
    row = Appointment.objects.values().get(pk=appointment.pk)
    return row, [service.code for service in appointment.services.order_by("id")], appointment.history.count()


def assert_rejected(error, action, appointment=None):
    """Return the raised error, after a check that nothing changed."""
    before = (Appointment.objects.count(), appointment and state(appointment))
    with pytest.raises(error) as raised:
        action()
    assert (Appointment.objects.count(), appointment and state(appointment)) == before
    return raised.value
