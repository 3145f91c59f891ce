"""The worked example at a shop with every text that papers print, on a fixed day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.invoices import issue_invoice
from repair_orders import actions
from testing import factories
from testing.billed import pay
from testing.worked_example import TEN_PERCENT, priced_location, reload, started

# 9:20 PM in UTC is 4:20 PM in New York.
AT = datetime(2026, 11, 30, 21, 20, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _fixed(settings, tmp_path, monkeypatch):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    monkeypatch.setattr(timezone, "now", lambda: AT)


@pytest.fixture
def place(db):
    location = priced_location(TEN_PERCENT)
    location.name, location.legal_name = "Springfield", "Springfield Garage LLC"
    location.address, location.phone = "1200 Sample Street", "(555) 555-0140"
    location.email, location.tax_id = "service@example.com", "00-0000142"
    location.registration_number, location.terms = "R-00142", "Parts are kept for ten days."
    location.time_zone = "America/New_York"
    location.save()
    return location


@pytest.fixture
def vehicle(alice):
    return factories.VehicleFactory(
        customer=alice,
        year=2011,
        make="Volkswagen",
        model="Golf",
        license_plate="HH-AB 123",
        unit_number="T-17",
        vin="WVWZZZ1KZBM012345",
    )


@pytest.fixture
def order(place, vehicle):
    """Return the worked example's order, completed, with a deposit of 100.00."""
    order, *_ = started(
        location=place, vehicle=vehicle, po_number="PO-77", odometer_in=Decimal("84250.00"), notes="Ready."
    )
    pay(order, "100.00", reference="0042", now=AT)
    actions.complete(order=order, by=None, now=AT)
    order = reload(order)
    order.odometer_out = Decimal("84256.00")
    order.save()
    return order


@pytest.fixture
def invoice(order):
    return issue_invoice(order=order, by=None, now=AT)
