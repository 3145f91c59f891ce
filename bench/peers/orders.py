"""Shared code of the peers that build objects: the contract's statuses, and totals by the product's arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from repair_orders.money import Line, all_off, totals

WORDS = {"requested": "pending", "pending": "pending", "approved": "pending"}


def number_of(quantity: Decimal) -> int | float:
    """Return a quantity as the contract prints it: 2 or 4.5."""
    return int(quantity) if quantity == int(quantity) else float(quantity)


def dollars_off(order: Any) -> Decimal:
    """Return the dollars off an order, with those of its discount rows."""
    return all_off(order.discount_amount, order.given_discount)


def total_of(order: Any, part_lines: Iterable[Any], service_lines: Iterable[Any]) -> str:
    """Return the total of an order's lines."""
    lines = [Line(line.amount, line.taxable) for line in (*part_lines, *service_lines)]
    return str(
        totals(
            lines,
            discount_amount=dollars_off(order),
            discount_percent=order.discount_percent,
            tax_percent=order.tax_percent,
        ).total
    )
