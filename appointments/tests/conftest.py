"""Fixtures of the booking tests."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from testing.factories import GarageFactory, VehicleFactory


@pytest.fixture
def garage(db):
    return GarageFactory()


@pytest.fixture
def car(alice):
    return VehicleFactory(customer=alice)


@pytest.fixture
def ten():
    """10:00 UTC on the day after tomorrow."""
    day = timezone.now().astimezone(UTC).date() + timedelta(days=2)
    return datetime.combine(day, time(10), UTC)
