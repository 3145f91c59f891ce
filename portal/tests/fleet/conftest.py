"""Fixtures of the portal's pages: Alice's fleet, its rows, and browsers of Alice and Bob."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from testing import factories


def browser(user=None, **kwargs):
    client = Client(**kwargs)
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def rosa(alice):
    """Return Alice's fleet of three units: one with a number, one with a plate, one with only a VIN."""
    alice.company_name = "RS Wind"
    alice.save()
    factories.VehicleFactory(customer=alice, unit_number="A123", make="Ford", model="Transit", year=2019)
    factories.VehicleFactory(customer=alice, license_plate="RSW-2")
    factories.VehicleFactory(customer=alice, license_plate="", vin="1HGBH41JXMN109186")
    return alice


@pytest.fixture
def unit(rosa):
    return rosa.vehicles.get(unit_number="A123")


@pytest.fixture
def estimate(unit):
    """Return a pending order of a part and a service, 139.74 in total."""
    order = factories.RepairOrderFactory(
        vehicle=unit,
        status="pending",
        description="Grinding noise",
        tax_percent=Decimal("8.25"),
        created_at=datetime(2025, 3, 4, 12, tzinfo=UTC),
        estimated_at=datetime(2025, 3, 5, 12, tzinfo=UTC),
    )
    factories.PartLineFactory(repair_order=order, part__name="Pads", unit_price=Decimal("42.05"), quantity=2)
    factories.ServiceLineFactory(repair_order=order, service__name="Brakes", amount=Decimal("44.99"))
    factories.EstimateFactory(repair_order=order)
    return order


@pytest.fixture
def page(rosa):
    """Return Alice's browser."""
    return browser(rosa.contact)


@pytest.fixture
def bobs_page(bob):
    factories.VehicleFactory(customer=bob, unit_number="A123")
    return browser(bob.contact)
