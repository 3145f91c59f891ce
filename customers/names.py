"""Format a customer's name and address. The functions take values, so that a list needs no objects."""

from __future__ import annotations

FORMER = "Former customer"
HOME = "USA"


def customer_name(company: str | None, first: str | None, last: str | None) -> str:
    """Return the company's name, else the contact's name, else the text for a former customer."""
    return company or f"{first or ''} {last or ''}".strip() or FORMER


def person_name(first: str | None, last: str | None) -> str:
    """Return first and last name, or an empty string for a missing contact."""
    return f"{first or ''} {last or ''}".strip()


def one_line_address(street: str, city: str, state: str, postal_code: str, country: str) -> str:
    """Return `123 Elm St, Springfield, NY 10001`, without empty parts and without the home country."""
    region = f"{state} {postal_code}".strip()
    abroad = "" if country in ("", HOME) else country
    return ", ".join(part for part in (street, city, region, abroad) if part)


def or_empty(value: str | None) -> str:
    """Return the value, or an empty string for None, which stands for the fields of a missing contact."""
    return value or ""
