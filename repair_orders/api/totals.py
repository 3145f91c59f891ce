"""Fields with the total of a repair order, for the serializers of every contract."""

from __future__ import annotations

from common.reads.serializers import Derived, SerializerField
from repair_orders.money import frozen_or_present, order_total


def current_total_field(*, output: SerializerField) -> Derived:
    """Return a field with the current total of the order's lines."""
    return Derived(
        order_total,
        "part_lines.amount",
        "part_lines.taxable",
        "service_lines.amount",
        "service_lines.taxable",
        "discount_amount",
        "discount_percent",
        "tax_percent",
        output=output,
    )


def total_field(*, output: SerializerField) -> Derived:
    """Return a field with the stored total of a completed order, otherwise with the current total."""
    return Derived(frozen_or_present, "total_cost", current_total_field(output=output), output=output)
