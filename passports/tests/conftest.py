"""Fixtures of passports: Alice's vehicle with a whole history."""

from __future__ import annotations

import pytest

from testing import factories
from testing.histories import plant_history


@pytest.fixture
def vehicle(alice):
    vehicle = factories.VehicleFactory(customer=alice, make="Honda", model="Civic", year=2020)
    plant_history(vehicle)
    return vehicle
