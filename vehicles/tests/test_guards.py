"""An appointment ahead or an open repair order keeps a vehicle in use and a customer's profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointments.actions import book_appointment, move_appointment
from appointments.models import Appointment
from common.domain.errors import Kind, NoCustomerRecord
from customers.actions import delete_profile
from customers.guards import CustomerIsHeld
from customers.models import Customer, CustomerUser
from repair_orders.actions import request_repair
from repair_orders.models import RepairOrder
from testing.factories import (
    AppointmentFactory,
    BayFactory,
    CustomerFactory,
    LocationFactory,
    OpeningHoursFactory,
    RepairOrderFactory,
    VehicleFactory,
)
from testing.storms import parallel
from vehicles.actions import archive_vehicle, transfer_vehicle
from vehicles.guards import VehicleIsHeld
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 26, 12, tzinfo=UTC)
OPEN = ["requested", "pending", "approved", "in_progress"]


@pytest.fixture
def civic(alice):
    return VehicleFactory(customer=alice)


def visit(vehicle, start, **more):
    location = LocationFactory(time_zone="America/New_York")
    return AppointmentFactory(
        vehicle=vehicle, customer=vehicle.customer, location=location, bay=BayFactory(location=location),
        start=start, end=start + timedelta(hours=1), **more,
    )  # fmt: skip


def verbs(vehicle):
    """Return the verbs that need a free vehicle or customer, with their errors."""
    owner = Customer.objects.get(pk=vehicle.customer_id)
    return [
        (VehicleIsHeld, lambda: archive_vehicle(vehicle=vehicle, now=NOON)),
        (VehicleIsHeld, lambda: transfer_vehicle(vehicle=vehicle, customer=CustomerFactory(), by=None, now=NOON)),
        (CustomerIsHeld, lambda: delete_profile(user_id=owner.contact_id, now=NOON)),
    ]  # fmt: skip


def test_appointment_ahead_and_open_orders_are_named_in_local_time(civic, alice):
    booked = visit(civic, NOON + timedelta(days=1))
    orders = [RepairOrderFactory(vehicle=civic, customer=alice, status=status) for status in OPEN]
    names = ", ".join(f"repair order {order.pk}" for order in orders)
    text = f"Finish or cancel first: appointment {booked.pk} on 2026-01-27 at 07:00, {names}."
    before = (Vehicle.objects.values().get(), Customer.objects.values().get(), civic.history.count())
    for error, verb in verbs(civic):
        with pytest.raises(error) as raised:
            verb()
        assert (raised.value.text, raised.value.kind) == (text, Kind.CONFLICT)
    after = (
        Vehicle.objects.values().get(),
        Customer.objects.values().get(pk=alice.pk),
        civic.history.count(),
    )
    assert after == before
    assert CustomerUser.objects.filter(customer=alice).exists()


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(
    ("status", "start"),
    [
        ("pending", NOON - timedelta(minutes=59)),  # it has not ended
        ("in_progress", NOON - timedelta(days=2)),
    ],
)
def test_appointment_that_has_not_ended_is_ahead(civic, status, start, number):
    visit(civic, start, status=status)
    error, verb = verbs(civic)[number]
    with pytest.raises(error):
        verb()


@pytest.mark.parametrize("number", range(3))
def test_past_appointments_and_ended_orders_hold_nothing(civic, alice, number):
    visit(civic, NOON - timedelta(days=1), status="pending")
    for status in ("completed", "cancelled"):
        visit(civic, NOON + timedelta(days=1), status=status)
    RepairOrderFactory(vehicle=civic, customer=alice, status="completed", total_cost=1)
    RepairOrderFactory(vehicle=civic, customer=alice, status="denied")
    verbs(civic)[number][1]()


def test_login_of_a_customer_with_others_can_leave(civic, alice, carol):
    RepairOrderFactory(vehicle=civic, customer=alice)
    CustomerUser.objects.create(customer=alice, user=carol)
    delete_profile(user_id=carol.pk, now=NOON)
    assert not CustomerUser.objects.filter(user=carol).exists()


def test_order_and_appointment_are_refused_after_the_vehicle_or_profile_has_gone(civic, alice, now):
    place = LocationFactory()
    BayFactory(location=place)
    for day in range(7):
        OpeningHoursFactory(location=place, weekday=day)
    start = (
        (now + timedelta(days=2))
        .astimezone(ZoneInfo("UTC"))
        .replace(hour=12, minute=0, second=0, microsecond=0)
    )
    before = [Vehicle.objects.select_related("customer").get() for _ in range(2)]

    def order(vehicle):
        request_repair(customer=vehicle.customer, vehicle=vehicle, description="Rattles", now=now)

    def book(vehicle):
        book_appointment(
            customer=vehicle.customer, vehicle=vehicle, location=place, start=start, services=[], now=now
        )

    delete_profile(user_id=alice.contact_id, now=now)
    for vehicle, verb in zip(before, (order, book), strict=True):
        with pytest.raises(NoCustomerRecord):
            verb(vehicle)
    before = [Vehicle.objects.select_related("customer").get() for _ in range(2)]
    archive_vehicle(vehicle=civic, now=now)
    for vehicle, verb in zip(before, (order, book), strict=True):
        with pytest.raises(VehicleNotOfCustomer):
            verb(vehicle)
    assert not RepairOrder.objects.exists()
    assert not Appointment.objects.exists()


def test_past_appointment_of_an_archived_vehicle_cannot_move_ahead(civic, alice, now):
    place = LocationFactory()
    bay = BayFactory(location=place)
    for day in range(7):
        OpeningHoursFactory(location=place, weekday=day)
    past = AppointmentFactory(
        vehicle=civic, customer=alice, location=place, bay=bay, start=now - timedelta(days=2)
    )
    archive_vehicle(vehicle=civic, now=now)
    start = (
        (now + timedelta(days=2))
        .astimezone(ZoneInfo("UTC"))
        .replace(hour=12, minute=0, second=0, microsecond=0)
    )
    with pytest.raises(VehicleNotOfCustomer):
        move_appointment(appointment=past, start=start, now=now)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["archive", "transfer", "delete"])
def test_no_order_begins_for_a_vehicle_that_goes_meanwhile(now, verb):
    """Of an order and an archive at the same time, one is refused."""
    vehicles = [VehicleFactory() for _ in range(6)]
    heir = CustomerFactory()

    def work(number):
        vehicle = Vehicle.objects.select_related("customer").get(pk=vehicles[number // 2].pk)
        if number % 2:
            return request_repair(customer=vehicle.customer, vehicle=vehicle, description="Rattles", now=now)
        if verb == "archive":
            return archive_vehicle(vehicle=vehicle, now=now)
        if verb == "transfer":
            return transfer_vehicle(vehicle=vehicle, customer=heir, by=None, now=now)
        return delete_profile(user_id=vehicle.customer.contact_id, now=now)

    outcomes = parallel(12, work)
    refusals = (VehicleIsHeld, VehicleNotOfCustomer, CustomerIsHeld, NoCustomerRecord)
    for gone, order in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert sum(isinstance(outcome, refusals) for outcome in (gone, order)) == 1, (gone, order)
    assert not RepairOrder.objects.filter(vehicle__archived_at__isnull=False).exists()
    assert not RepairOrder.objects.filter(customer__contact=None).exists()
