"""Load contract 004's customer: a verified business with every field filled."""

from __future__ import annotations

from accounts.models import User
from customers.actions import create_customer
from customers.models import ContactMethod, Notification
from demo.calendar import Calendar


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
