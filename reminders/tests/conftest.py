"""A clock that can be moved, and what is due at one time of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from testing import factories

NOON = datetime(2026, 6, 10, 16, tzinfo=UTC)  # 12:00 in New York


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def move(self, **by):
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock(monkeypatch, settings):
    """Set the time of the process to noon of New York, and return a clock by which tests move it."""
    settings.TIME_ZONE = "America/New_York"
    settings.TASKS_RUN_IN = "worker"
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def car(alice):
    return factories.VehicleFactory(
        customer=alice, year=2019, make="Honda", model="Civic", unit_number="", license_plate="ABC-123"
    )


@pytest.fixture
def oil(car, clock):
    """Work that becomes due soon by its day on the day of the clock."""
    return factories.ServiceScheduleFactory(
        vehicle=car,
        template__name="Oil change",
        started_on=clock.now.date() - timedelta(days=150),
        due_on=clock.now.date() + timedelta(days=14),
        due_miles=None,
    )
