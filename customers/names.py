"""How a customer is written: pure functions of values, so that a list can use them without an object."""

from __future__ import annotations

FORMER = "Former customer"
HOME = "USA"


def customer_name(company: str | None, first: str | None, last: str | None) -> str:
    """The company's name if there is one, else the contact's; a customer without either is a former one."""
    return company or f"{first or ''} {last or ''}".strip() or FORMER


def one_line_address(street: str, city: str, state: str, postal_code: str, country: str) -> str:
    """`123 Elm St, Springfield, NY 10001`: what is empty is left out, and so is the home country."""
    region = f"{state} {postal_code}".strip()
    abroad = "" if country in ("", HOME) else country
    return ", ".join(part for part in (street, city, region, abroad) if part)


def or_empty(value: str | None) -> str:
    """A customer without a contact has an empty email and phone, not null."""
    return value or ""
