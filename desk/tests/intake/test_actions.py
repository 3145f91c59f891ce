"""Taking in a customer: customer, vehicle and visit, all of them or none."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.registration import EmailTaken
from appointments.holds import SlotTaken
from appointments.models import Appointment
from customers.models import Customer
from desk.intake.actions import Visit, take_in
from repair_orders.models import RepairOrder
from testing.factories import (
    AppointmentFactory,
    CustomerFactory,
    GarageFactory,
    RepairOrderFactory,
    ServiceTypeFactory,
    UserFactory,
    VehicleFactory,
)
from vehicles.actions import InvalidVin
from vehicles.models import OdometerReading, Vehicle

pytestmark = pytest.mark.django_db
PERSON = {"first_name": "Lynda", "last_name": "Park", "phone": "(555) 887-2211", "email": None}
CAR = {
    "make": "Honda",
    "model": "Accord",
    "year": 2003,
    "vin": "1hgcm-82633 a004352",
    "license_plate": "ktz 4471",
}


@pytest.fixture
def garage():
    return GarageFactory(time_zone="America/New_York", hours=(time(0), time(0)))


@pytest.fixture
def tomorrow(garage):
    """Return a start that can be booked: tomorrow at nine, local time."""
    zone = ZoneInfo(garage.time_zone)
    day = timezone.now().astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 9, tzinfo=zone)


def taken(**given):
    return take_in(**{"by": None, "now": timezone.now()} | given)


def rows():
    return [model.objects.count() for model in (User, Customer, Vehicle, Appointment, RepairOrder)]


def test_a_new_customer_with_vehicle_and_visit_is_one_entry(garage, tomorrow):
    service = ServiceTypeFactory(name="Brake check", minutes=60)
    found = taken(
        customer=PERSON,
        vehicle=CAR | {"odometer": Decimal("184200.00")},
        visit=Visit(garage, tomorrow, [service], "Squeals"),
    )
    car, visit = found.vehicle, found.appointment
    assert (found.customer.name, found.customer.contact.phone) == ("Lynda Park", "(555) 887-2211")
    assert (car.vin, car.license_plate, car.odometer) == (
        "1HGCM82633A004352",
        "KTZ 4471",
        Decimal("184200.00"),
    )
    assert (visit.customer, visit.vehicle, visit.start, visit.end) == (
        found.customer,
        car,
        tomorrow,
        tomorrow + timedelta(hours=1),
    )
    assert (visit.description, list(visit.services.all()), found.order) == ("Squeals", [service], None)


def test_a_customer_alone_is_enough():
    found = taken(customer={"company_name": "Tallgrass"})
    assert (found.customer.name, found.vehicle, found.appointment, found.order) == (
        "Tallgrass",
        None,
        None,
        None,
    )
    assert rows() == [1, 1, 0, 0, 0]


def test_stored_rows_are_used(garage, tomorrow):
    vehicle = VehicleFactory()
    found = taken(customer=vehicle.customer, vehicle=vehicle, visit=Visit(garage, tomorrow))
    assert (found.customer, found.vehicle, found.appointment.vehicle) == (vehicle.customer, vehicle, vehicle)


def test_a_walk_in_is_checked_in_at_once(garage):
    now = timezone.now()
    found = taken(
        customer=PERSON,
        vehicle=CAR,
        visit=Visit(garage, None, description="Flat tire", checks_in=True, odometer=Decimal("12.00")),
        now=now,
    )
    assert (found.appointment.start, found.order.appointment) == (now, found.appointment)
    assert (found.order.description, found.order.odometer_in) == ("Flat tire", Decimal("12.00"))


def test_the_odometer_of_a_new_vehicle_is_read_once_and_is_that_of_the_check_in(garage):
    now = timezone.now()
    found = taken(
        customer=PERSON,
        vehicle=CAR | {"odometer": Decimal("87655.00")},
        visit=Visit(garage, None, checks_in=True),
        now=now,
    )
    readings = OdometerReading.objects.values_list("vehicle", "miles", "source", "at")
    assert (found.order.odometer_in, list(readings)) == (
        Decimal("87655.00"),
        [(found.vehicle.pk, Decimal("87655.00"), "CHECK_IN", now)],
    )


def test_the_odometer_of_a_vehicle_that_is_not_here_is_of_no_check_in(garage, tomorrow):
    car = CAR | {"odometer": Decimal("87655.00")}
    taken(customer=PERSON, vehicle=car, visit=Visit(garage, tomorrow))
    assert list(OdometerReading.objects.values_list("miles", "source")) == [(Decimal("87655.00"), "MANUAL")]


def test_a_request_is_taken_by_the_check_in(garage):
    request = RepairOrderFactory(status="requested")
    found = taken(
        customer=request.customer,
        vehicle=request.vehicle,
        visit=Visit(garage, None, checks_in=True, order=request),
    )
    assert (found.order, found.order.appointment) == (request, found.appointment)


class TestNothingIsHalfWritten:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"vehicle": CAR | {"vin": "IOQ"}}, InvalidVin),
            ({"customer": PERSON | {"email": "taken@example.com"}}, EmailTaken),
        ],
    )
    def test_a_wrong_value_leaves_no_row(self, garage, tomorrow, change, error):
        CustomerFactory(contact=UserFactory(email="taken@example.com"))
        before = rows()
        with pytest.raises(error):
            taken(**{"customer": PERSON, "vehicle": CAR, "visit": Visit(garage, tomorrow)} | change)
        assert rows() == before

    def test_a_start_that_is_taken_meanwhile_leaves_no_row(self, garage, tomorrow):
        for bay in garage.bays.all():
            AppointmentFactory(bay=bay, start=tomorrow, end=tomorrow + timedelta(hours=2))
        before = rows()
        with pytest.raises(SlotTaken) as refusal:
            taken(customer=PERSON, vehicle=CAR, visit=Visit(garage, tomorrow))
        assert refusal.value.facts["alternatives"][0]["start"] == tomorrow + timedelta(hours=2)
        assert rows() == before
