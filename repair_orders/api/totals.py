"""Fields with the total of a repair order, for the serializers of every contract."""

from __future__ import annotations

from common.http.fields import Money
from common.reads.serializers import Derived, SerializerField
from repair_orders.money import all_off, frozen_or_present, order_total


def current_total_field(*, output: SerializerField) -> Derived:
    """Return a field with the current total of the order's lines."""
    return Derived(
        order_total,
        "part_lines.amount",
        "part_lines.taxable",
        "service_lines.amount",
        "service_lines.taxable",
        dollars_off(),
        "discount_percent",
        "tax_percent",
        output=output,
    )


def dollars_off() -> Derived:
    """Return a field with the dollars off an order, with those of its discount rows."""
    return Derived(all_off, "discount_amount", "given_discount", output=Money())


def total_field(*, output: SerializerField) -> Derived:
    """Return a field with the stored total of a completed order, otherwise with the current total."""
    return Derived(frozen_or_present, "total_cost", current_total_field(output=output), output=output)
