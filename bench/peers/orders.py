"""Shared code of the peers that build objects: the contract's statuses, and totals by the product's arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from repair_orders.money import Line, totals

WORDS = {"requested": "pending", "pending": "pending", "approved": "pending"}


def total_of(order: Any, part_lines: Iterable[Any], service_lines: Iterable[Any]) -> str:
    """Return the total of an order's lines."""
    lines = [Line(line.unit_price * line.quantity, line.taxable) for line in part_lines]
    lines += [Line(line.labor_cost, line.taxable) for line in service_lines]
    return str(
        totals(
            lines,
            discount_amount=order.discount_amount,
            discount_percent=order.discount_percent,
            tax_percent=order.tax_percent,
        ).total
    )
