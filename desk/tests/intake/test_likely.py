"""Customers whom a new entry may repeat."""

from __future__ import annotations

import pytest

from desk.intake.likely import find_likely
from testing.factories import CustomerFactory, UserFactory, VehicleFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
NOBODY = {"first_name": "", "last_name": "", "company_name": "", "phone": "", "email": ""}
NO_CAR = {"license_plate": "", "vin": ""}


@pytest.fixture
def linda():
    customer = CustomerFactory(
        contact=UserFactory(
            first_name="Linda", last_name="Park", phone="(555) 887-2211", email="linda@example.com"
        )
    )
    VehicleFactory(customer=customer, license_plate="HH AB 123", vin="1HGCM82633A004352")
    return customer


@pytest.mark.parametrize(
    ("person", "car", "reasons"),
    [
        ({"phone": "+1 555 887 2211"}, {}, "same phone"),
        ({"email": "LINDA@example.com"}, {}, "same email"),
        ({"first_name": "linda", "last_name": "PARK"}, {}, "same name"),
        ({}, {"license_plate": "hhab-123"}, "same plate"),
        ({}, {"vin": "1hgcm 82633-a004352"}, "same VIN"),
        ({"phone": "5558872211"}, {"license_plate": "HHAB123"}, "same phone, same plate"),
    ],
)
def test_a_customer_is_likely_by_each_of_their_marks(linda, person, car, reasons):
    [row] = find_likely(NOBODY | person, NO_CAR | car)
    assert (row.customer, row.reasons, row.vehicles) == (linda, reasons, list(linda.vehicles.all()))


@pytest.mark.parametrize(
    ("person", "car"),
    [
        ({}, {}),
        ({"phone": "555 887 2212"}, {}),
        ({"first_name": "Linda"}, {}),
        ({}, {"license_plate": "HH AB 12"}),
        ({}, {"vin": "1HGCM82633A00435"}),
    ],
)
def test_nearly_is_not_enough(linda, person, car):
    assert find_likely(NOBODY | person, NO_CAR | car) == []


def test_at_most_five_are_named_with_a_constant_number_of_queries(linda):
    entry = (NOBODY | {"first_name": "Linda", "last_name": "Park"}, NO_CAR)
    few = count_queries(lambda: find_likely(*entry))
    for _ in range(30):
        VehicleFactory(customer=CustomerFactory(contact=UserFactory(first_name="Linda", last_name="Park")))
    assert len(find_likely(*entry)) == 5
    assert count_queries(lambda: find_likely(*entry)) == few
