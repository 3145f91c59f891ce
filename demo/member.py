"""Load contract 003's customer: John Doe with a connected vehicle, an appointment, a conversation and a referral."""

from __future__ import annotations

from decimal import Decimal

from accounts.models import User
from accounts.referrals import credit_referrals, refer
from appointments.actions import book_appointment
from chat.actions import post_message, start_conversation
from customers.actions import create_customer
from customers.callers import caller_of_user
from customers.models import Customer
from demo.calendar import Calendar
from demo.driving import drive_a_week
from demo.garage import Garage
from demo.mileage import store_mileage
from demo.offers import load_offers, load_plans
from demo.orders import OrderRow, create_order
from memberships.actions import join
from memberships.models import Tier
from vehicles.actions import link_dongle
from vehicles.models import DongleConnection, Vehicle

EMAIL, REFERRAL_CODE = "john@example.com", "REF-ABC123"


def load(calendar: Calendar, garage: Garage) -> None:
    user = User.objects.create_user(
        EMAIL,
        "securepassword123",
        first_name="John",
        last_name="Doe",
        phone="+1234567890",
        referral_code=REFERRAL_CODE,
    )
    john = create_customer(user=user, now=calendar.ago(210), is_verified=True)
    plans = load_plans()
    join(user_id=user.pk, plan=plans[Tier.PLUS], now=calendar.ago(200))
    load_offers(calendar, garage)
    outback = _vehicle(john, calendar)
    book_appointment(
        customer=john,
        vehicle=outback,
        location=garage.location,
        start=calendar.working_day(3, 11),
        services=[garage.service_types["oil_change"], garage.service_types["tire_rotation"]],
        now=calendar.now,
    )
    _conversation(user, calendar)
    _referral(calendar, garage)


def _vehicle(john: Customer, calendar: Calendar) -> Vehicle:
    outback = Vehicle.objects.create(
        customer=john,
        vin="4S4BSANC8K3204117",
        make="Subaru",
        model="Outback",
        trim="Premium",
        year=2019,
        license_plate="MBR-2041",
        color="Blue",
        fuel_type="gasoline",
        odometer=Decimal("38112.40"),
    )
    store_mileage(outback, at=calendar.ago(8))
    link_dongle(vehicle=outback, dongle_id="OBD-7F3A21", connection=DongleConnection.BLE)
    drive_a_week(outback, calendar)
    return outback


def _conversation(user: User, calendar: Calendar) -> None:
    john = caller_of_user(user)
    support = caller_of_user(User.objects.get(email="admin@example.com"))
    conversation = start_conversation(
        by=john,
        subject="Rattle at low speed",
        message="Hello, I need help with my vehicle. It rattles below 20 mph.",
        now=calendar.ago(2, 5),
    )
    for by, body, hours in (
        (support, "Hello, how can I help? Does it come from the front or the rear?", 4),
        (john, "From the rear, mostly over bumps.", 3),
        (support, "That sounds like a heat shield. We look at it when you come for the oil change.", 2),
    ):
        post_message(conversation=conversation.uuid, by=by, body=body, now=calendar.ago(2, hours))


def _referral(calendar: Calendar, garage: Garage) -> None:
    """Load the user referred by John, whose first repair credits the referral. They have no password."""
    user = User.objects.create_user(
        "jane.roe@example.com", first_name="Jane", last_name="Roe", phone="+1 555 010 4400"
    )
    jane = create_customer(user=user, now=calendar.ago(75))
    refer(friend_id=user.pk, code=REFERRAL_CODE, now=calendar.ago(75))
    cherokee = Vehicle.objects.create(
        customer=jane,
        vin="1C4PJMDX8KD120733",
        make="Jeep",
        model="Cherokee",
        year=2019,
        license_plate="JRN-0733",
        color="Red",
        fuel_type="gasoline",
        odometer=Decimal("41980.00"),
    )
    store_mileage(cherokee, at=calendar.ago(60, 4))
    order = create_order(
        OrderRow(
            cherokee,
            "completed",
            calendar.ago(60, 4),
            notes="Repair work for Jeep Cherokee",
            parts=[("oil", 1), ("oil filter", 1)],
            services=["oil change"],
        ),
        garage,
    )
    assert order.completed_at is not None
    Customer.objects.filter(pk=jane.pk).update(total_services=1, last_service_date=order.completed_at)
    credit_referrals(friends=[user.pk], by=None, now=order.completed_at)
