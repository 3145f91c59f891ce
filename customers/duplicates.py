"""Find customers who may be the same as another one, so that the desk does not enter a customer twice."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User, normalize_email
from accounts.phones import significant_digits
from accounts.querysets import FullName, SignificantDigits
from customers.models import Customer

MOST = 5  # duplicates that are named for each reason


@dataclass(frozen=True)
class Duplicate:
    """A customer with the same phone number or name."""

    customer: Customer
    because: tuple[str, ...]  # phone, name


def likely_duplicates(customer: Customer) -> list[Duplicate]:
    """Return other customers with the same phone number, contact or company name. At most three queries.

    Phone numbers are compared by their digits, without a country code. Names are compared in any case.
    """
    contact = customer.contact
    others = Customer.objects.exclude(pk=customer.pk).select_related("contact").order_by("id")
    users = User.objects.alias(named=FullName(), digits=SignificantDigits())
    found: dict[Customer, list[str]] = {}
    if contact and (digits := significant_digits(contact.phone)):
        for other in others.filter(contact__in=users.filter(digits=digits))[:MOST]:
            found.setdefault(other, []).append("phone")
    if contact and contact.first_name and contact.last_name:
        for other in others.filter(contact__in=users.filter(named__iexact=contact.full_name))[:MOST]:
            found.setdefault(other, []).append("name")
    if customer.company_name:
        for other in others.filter(company_name__iexact=customer.company_name)[:MOST]:
            found.setdefault(other, []).append("name")
    return [
        Duplicate(other, tuple(dict.fromkeys(reasons)))
        for other, reasons in sorted(found.items(), key=lambda pair: pair[0].pk)
    ]


def customer_with_email(email: str, *, but: User | None = None) -> Customer | None:
    """Return the customer whose contact or login has this email, or None."""
    users = User.objects.filter(email=normalize_email(email)).exclude(pk=but.pk if but else 0)
    user = users.first()
    if user is None:
        return None
    rows = Customer.objects.select_related("contact").order_by("id")
    return rows.filter(logins__user=user).first() or rows.filter(contact=user).first()
