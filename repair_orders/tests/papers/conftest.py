"""An order of a location with every text that papers print, and a revision of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from repair_orders import jobs
from repair_orders.estimates.actions import send_estimate
from testing import factories

# 1:58 PM in UTC is 8:58 AM in New York.
SENT = datetime(2026, 11, 30, 13, 58, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def place(db):
    return factories.LocationFactory(
        name="Springfield",
        legal_name="Springfield Garage LLC",
        address="1200 Sample Street",
        phone="(555) 555-0140",
        email="service@example.com",
        tax_id="00-0000142",
        registration_number="R-00142",
        terms="Parts are kept for ten days.",
        time_zone="America/New_York",
    )


@pytest.fixture
def order(place, alice):
    """Return an order with brakes for 232.50 and labour for 261.00, and a discount of 10 %."""
    vehicle = factories.VehicleFactory(
        customer=alice, year=2011, make="Volkswagen", model="Golf", license_plate="HH-AB 123"
    )
    order = factories.RepairOrderFactory(
        vehicle=vehicle,
        location=place,
        number=1042,
        description="Brakes squeak.",
        po_number="PO-77",
        discount_percent=Decimal("10.0000"),
        tax_percent=Decimal("8.2500"),
    )
    job = jobs.add_job(order=order, name="Front brakes", concern="Squeaks when cold")
    pads = factories.PartFactory(name="Brake pad set", part_number="BRK-1", unit_price=Decimal("68.50"))
    factories.PartLineFactory(repair_order=order, job=job, part=pads, taxable=True)
    factories.PartLineFactory(
        repair_order=order,
        job=job,
        part=factories.PartFactory(name="Brake rotor", part_number="BRK-2"),
        quantity=Decimal("2.00"),
        unit_price=Decimal("82.00"),
        condition="rebuilt",
        taxable=True,
    )
    factories.ServiceLineFactory(
        repair_order=order,
        job=job,
        name="Replace pads",
        hours=Decimal("1.80"),
        rate=Decimal("145.00"),
        amount=Decimal("261.00"),
        taxable=False,
    )
    return order


@pytest.fixture
def send():
    def send(order, at=SENT):
        estimate = send_estimate(order=order, by=None, now=at, expires_at=at + timedelta(days=30))
        order.refresh_from_db()
        return estimate

    return send


@pytest.fixture
def estimate(order, send):
    return send(order)
