"""What an order costs, as the serializers of every contract declare it."""

from __future__ import annotations

from common.reads.fields import Derived
from common.reads.serializers import SerializerField
from repair_orders.money import frozen_or_present, order_total


def present_total(*, output: SerializerField) -> Derived:
    """What the order's lines cost now."""
    return Derived(
        order_total,
        "part_lines.unit_price",
        "part_lines.quantity",
        "part_lines.taxable",
        "service_lines.labor_cost",
        "service_lines.taxable",
        "discount_amount",
        "discount_percent",
        "tax_percent",
        output=output,
    )


def shown_total(*, output: SerializerField) -> Derived:
    """The frozen total of a completed order, else the present one."""
    return Derived(frozen_or_present, "total_cost", present_total(output=output), output=output)
