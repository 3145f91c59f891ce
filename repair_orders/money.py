"""What a repair order costs, to the cent. Pure functions over `Decimal` (DESIGN, decision 4).

Subtotal = the sum of the lines. Discount = an amount plus a percentage of the subtotal, never more than the
subtotal, shared over the lines in proportion by largest remainder. Tax = a percentage of the discounted taxable
lines, rounded once. Total = subtotal - discount + tax. Cents are rounded half up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Line:
    """`amount` in dollars: unit price × quantity, already in whole cents."""

    amount: Decimal
    taxable: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """All in dollars with two places."""

    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def to_cents(amount: Decimal) -> Decimal:
    """Rounded half up to whole cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def share(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`amount` in whole cents, split in proportion to `weights` so that the parts add up to it.

    Each part is cut to whole cents; the cents left over go to the largest remainders, equal ones to the earlier
    part. All weights zero, or none: nothing can be shared, every part is zero.
    """
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _ in weights]
    # In integers: exact whatever the decimal context's precision is.
    cents, unit = _in_cents(amount), [_in_cents(weight) for weight in weights]
    total = sum(unit)
    parts = [divmod(cents * weight, total) for weight in unit]
    left_over = cents - sum(part for part, _ in parts)
    richest = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:left_over]
    extra = set(richest)
    return [(part + (i in extra)) * CENT for i, (part, _) in enumerate(parts)]


def totals(
    lines: Sequence[Line], *, discount_amount: Decimal, discount_percent: Decimal, tax_percent: Decimal
) -> Totals:
    """The four figures of an order. `lines` are parts before services, each in the order of their ids.

    Percentages are 0 to 100 with two places, `discount_amount` is not negative.
    """
    subtotal = sum((line.amount for line in lines), ZERO)
    wished = discount_amount + to_cents(subtotal * discount_percent / 100)
    discount = min(wished, subtotal)
    discounts = share(discount, [line.amount for line in lines])
    taxed = sum((line.amount - off for line, off in zip(lines, discounts, strict=True) if line.taxable), ZERO)
    tax = to_cents(taxed * tax_percent / 100)
    return Totals(subtotal, discount, tax, subtotal - discount + tax)


def _in_cents(amount: Decimal) -> int:
    return int(amount.scaleb(2).to_integral_exact())


def order_total(
    part_prices: Sequence[Decimal],
    part_quantities: Sequence[int],
    part_taxable: Sequence[bool],
    service_prices: Sequence[Decimal],
    service_taxable: Sequence[bool],
    discount_amount: Decimal,
    discount_percent: Decimal,
    tax_percent: Decimal,
) -> Decimal:
    """The total from the columns of an order's lines, as a list reads them."""
    parts = zip(part_prices, part_quantities, part_taxable, strict=True)
    lines = [Line(price * quantity, taxable) for price, quantity, taxable in parts]
    lines += [Line(price, taxable) for price, taxable in zip(service_prices, service_taxable, strict=True)]
    return totals(
        lines, discount_amount=discount_amount, discount_percent=discount_percent, tax_percent=tax_percent
    ).total
