"""Template filters of the portal: money, states and validation errors."""

from __future__ import annotations

from decimal import Decimal

from django import template

from common.domain.types import Json

register = template.Library()

# The label of each state, from the customer's point of view.
STATUS_LABELS = {
    "requested": "Requested",
    "pending": "Pending approval",
    "approved": "Approved",
    "in_progress": "In progress",
    "completed": "Completed",
    "denied": "Denied",
}


@register.filter
def money(amount: Decimal) -> str:
    """Format an amount as `$1,234.50`."""
    return f"${amount:,.2f}"


@register.filter
def status_label(status: str) -> str:
    """Return the label of a state, given in either case."""
    return STATUS_LABELS[status.lower()]


@register.filter
def error_lines(errors: Json) -> list[str]:
    """Return a line such as `unit_id: A valid integer is required.` for each error of a query parameter."""
    return [f"{name}: {message}" for name, messages in errors.items() for message in messages]
