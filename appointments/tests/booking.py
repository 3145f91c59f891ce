"""A visit booked on a Tuesday, as seen from the Monday before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appointments import actions
from testing.factories import VehicleFactory

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)  # a Monday
TEN = datetime(2027, 1, 5, 10, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def book(garage, start=TEN, vehicle=None, services=(), **options):
    vehicle = vehicle or VehicleFactory()
    return actions.book_appointment(
        customer=vehicle.customer, vehicle=vehicle, location=garage, start=start, services=services, now=NOW, **options
    )  # fmt: skip
