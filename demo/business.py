"""Load contract 004's customer, a verified business with every field filled, and a walk-in customer."""

from __future__ import annotations

from accounts.models import User
from customers.actions import add_walk_in, create_customer
from customers.models import ContactMethod, Notification
from demo.calendar import Calendar
from vehicles.models import Vehicle


def load(calendar: Calendar) -> None:
    owner = User.objects.create_user(
        "business@example.com", "business12345", first_name="Bea", last_name="Porter", phone="+15035550142"
    )
    business = create_customer(
        user=owner,
        now=calendar.ago(512),
        street_address="123 Main St",
        city="Portland",
        state="OR",
        postal_code="97201",
        country="USA",
        company_name="Porter Logistics LLC",
        business_type="Logistics",
        units="imperial",
        tax_id="93-1234567",
        emergency_contact_name="Paul Porter",
        emergency_contact_phone="+15035550143",
        emergency_contact_relationship="Brother",
        is_verified=True,
        total_services=3,
        last_service_date=calendar.ago(21),
        preferred_contact_method=ContactMethod.PHONE,
    )
    # `notify` would send a mail.
    Notification.objects.create(
        customer=business,
        type="ACCOUNT",
        title="Welcome",
        message="Your business account has been verified.",
        created_at=calendar.ago(511),
    )


def load_walk_in(calendar: Calendar) -> Vehicle:
    """Load a customer whom the desk has entered, and return their vehicle.

    It is a person with a phone number, without an email or a login.
    """
    customer = add_walk_in(
        now=calendar.ago(3),
        first_name="Frank",
        last_name="Nowak",
        phone="(555) 010-4410",
        street_address="18 Canal St",
        city="Springfield",
        state="NY",
        postal_code="10001",
        preferred_contact_method=ContactMethod.PHONE,
    )
    return Vehicle.objects.create(
        customer=customer,
        vin="1VWBN7A37CC041219",
        make="Volkswagen",
        model="Passat",
        year=2012,
        license_plate="KLM-2207",
        color="Gray",
    )
