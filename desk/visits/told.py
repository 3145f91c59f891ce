"""Say who is told of a change of a visit (docs/design, D99)."""

from __future__ import annotations

from datetime import datetime

from appointments.mail import address_for_visits
from appointments.models import Appointment
from customers.models import Customer


def told_of(customer: Customer) -> str:
    """Return the sentence that says who is told of a change of a visit ahead."""
    if address := address_for_visits(customer):
        return f"{address} is told."
    has_address = customer.contact is not None and customer.contact.email
    return f"{'Email is off' if has_address else 'No email on file'}: the customer gets no confirmation."


def told_of_cancelling(visit: Appointment, now: datetime) -> str:
    """Return the sentence that says who is told if the visit is cancelled now."""
    if visit.started_at is not None or visit.start <= now:
        return "The visit has begun: nobody is told."
    return told_of(visit.customer)
