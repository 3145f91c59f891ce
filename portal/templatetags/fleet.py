"""Template filters of the portal: money, states and validation errors."""

from __future__ import annotations

from decimal import Decimal

from django import template

from common.domain import units
from common.domain.types import Json
from repair_orders.papers.texts import discount_rows

register = template.Library()
register.filter("distance", units.format_distance)
register.filter("whole_distance", units.format_whole)
register.filter("volume", units.format_volume)
register.filter("consumption", units.format_consumption)

# The label of each state, from the customer's point of view.
STATUS_LABELS = {
    "requested": "Requested",
    "pending": "Pending approval",
    "approved": "Approved",
    "in_progress": "In progress",
    "completed": "Completed",
    "denied": "Denied",
}
# The label of each state of an invoice.
INVOICE_LABELS = {"open": "To pay", "overdue": "Overdue", "paid": "Paid", "credited": "Credited"}


@register.filter
def money(amount: Decimal | str) -> str:
    """Format an amount, or its text, as `$1,234.50`."""
    return f"${Decimal(amount):,.2f}"


@register.filter
def discounts(paper: Json) -> list[tuple[str, str]]:
    """Return the label and the amount of each discount of a paper."""
    return discount_rows(paper)


@register.filter
def unsigned(amount: Decimal) -> Decimal:
    """Return an amount without its sign."""
    return abs(amount)


@register.filter
def hyphenated(word: str) -> str:
    """Return a word of the wire as a part of an element's id: `IN_PROGRESS` is `in-progress`."""
    return word.lower().replace("_", "-")


@register.filter
def invoice_label(state: str) -> str:
    """Return the label of a state of an invoice."""
    return INVOICE_LABELS[state]


@register.filter
def signed_money(amount: Decimal | str) -> str:
    """Format an amount, or its text, as `−$1,234.50` below 0.00 and as `money` does otherwise."""
    value = Decimal(amount)
    return f"−{money(-value)}" if value < 0 else money(value)


@register.filter
def quantity(number: Decimal | str) -> str:
    """Format a quantity or a number of hours without zeros at the end: `2`, `4.5`."""
    whole, _, places = f"{Decimal(number):f}".partition(".")
    return f"{whole}.{places}".rstrip("0").rstrip(".")


@register.filter
def odometers(order: Json) -> str:
    """Format the odometer of an order's paper, in and out, in the units of the paper: `48211.3 – 48215 miles`."""
    shown = units.paper_units(order)
    read = (order[name] for name in ("odometer_in", "odometer_out"))
    figures = [quantity(units.from_miles(Decimal(miles), shown)) for miles in read if miles]
    return f"{' – '.join(figures)} {shown.distance}"


@register.filter
def service_kind(kind: str) -> str:
    """Return the label of a kind of service line."""
    return {"labour": "Labor", "sublet": "Sublet", "fee": "Fee"}[kind]


@register.filter
def status_label(status: str) -> str:
    """Return the label of a state, given in either case."""
    return STATUS_LABELS[status.lower()]


@register.filter
def error_lines(errors: Json) -> list[str]:
    """Return a line such as `unit_id: A valid integer is required.` for each error of a query parameter."""
    return [f"{name}: {message}" for name, messages in errors.items() for message in messages]


@register.filter
def dialled(phone: str) -> str:
    """Return the digits of a phone number for a `tel:` link, with the plus sign in front if there is one."""
    digits = "".join(character for character in phone if character.isdigit())
    return f"+{digits}" if phone.strip().startswith("+") else digits
