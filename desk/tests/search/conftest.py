from __future__ import annotations

import pytest

from testing.factories import CustomerFactory, UserFactory, VehicleFactory


@pytest.fixture
def zoe(db):
    """Return a customer with an accent, a phone number and a vehicle."""
    contact = UserFactory(
        first_name="Zoë", last_name="Müller-Łukasz", phone="(217) 555-0123", email="zoe@example.org"
    )
    return CustomerFactory(contact=contact)


@pytest.fixture
def camry(zoe):
    return VehicleFactory(
        customer=zoe,
        year=2019,
        make="Toyota",
        model="Camry",
        license_plate="KDR-1180",
        vin="4T1B11HK5KU200001",
        unit_number="T 7",
    )


@pytest.fixture
def others(db):
    """Create rows that no search of these tests finds."""
    contact = UserFactory(
        first_name="Bob", last_name="Baker", phone="(303) 444-9999", email="bob@example.net"
    )
    VehicleFactory(
        customer=CustomerFactory(contact=contact), license_plate="QQQ-9", vin="", make="Mazda", model="Miata"
    )
