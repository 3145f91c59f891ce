"""How the portal writes money, states and what is wrong."""

from __future__ import annotations

from decimal import Decimal

from django import template

from common.domain.types import Json

register = template.Library()

# What a state is called on a page: the customer's side of it.
STATUS_WORDS = {
    "requested": "Requested",
    "pending": "Pending approval",
    "approved": "Approved",
    "in_progress": "In progress",
    "completed": "Completed",
    "denied": "Denied",
}


@register.filter
def money(amount: Decimal) -> str:
    """`$1,234.50`"""
    return f"${amount:,.2f}"


@register.filter
def status_words(status: str) -> str:
    return STATUS_WORDS[status.lower()]


@register.filter
def what_is_wrong(errors: Json) -> list[str]:
    """`unit_id: A valid integer is required.` for each wrong parameter of an address."""
    return [f"{name}: {message}" for name, messages in errors.items() for message in messages]
