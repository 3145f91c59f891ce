"""What a repair order costs, to the cent. Pure functions (docs/design, D29).

Subtotal = the sum of the lines. Discount = an amount plus a percentage of the subtotal, never more than the subtotal,
shared over the lines in proportion by largest remainder. Tax = a percentage of the discounted taxable lines, rounded
once. Total = subtotal - discount + tax. Cents are rounded half up.

Amounts come and go as `Decimal` dollars with two places; between, everything is whole cents in integers: exact
whatever the decimal context says, and fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.domain.money import half_up, share_cents, to_cents, to_dollars


@dataclass(frozen=True, slots=True)
class Line:
    """`amount` in dollars: unit price × quantity, in whole cents."""

    amount: Decimal
    taxable: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """All in dollars with two places."""

    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def totals(
    lines: Sequence[Line], *, discount_amount: Decimal, discount_percent: Decimal, tax_percent: Decimal
) -> Totals:
    """The four figures of an order. `lines` are parts before services, each in the order of their ids.

    Percentages are 0 to 100 with two places, `discount_amount` is not negative.
    """
    cents = [to_cents(line.amount) for line in lines]
    taxable = [line.taxable for line in lines]
    subtotal, discount, tax = _figures(
        cents, taxable, to_cents(discount_amount), to_cents(discount_percent), to_cents(tax_percent)
    )
    return Totals(
        to_dollars(subtotal), to_dollars(discount), to_dollars(tax), to_dollars(subtotal - discount + tax)
    )


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
    """The total alone, from the columns of an order's lines as a list reads them."""
    cents = [to_cents(price) * n for price, n in zip(part_prices, part_quantities, strict=True)]
    cents += [to_cents(price) for price in service_prices]
    subtotal, discount, tax = _figures(
        cents,
        [*part_taxable, *service_taxable],
        to_cents(discount_amount),
        to_cents(discount_percent),
        to_cents(tax_percent),
    )
    return to_dollars(subtotal - discount + tax)


def frozen_or_present(frozen: Decimal | None, present: Decimal) -> Decimal:
    """What an order costs: frozen when it is completed, until then what its lines say."""
    return present if frozen is None else frozen


def _figures(
    cents: Sequence[int], taxable: Sequence[bool], amount: int, percent: int, tax_percent: int
) -> tuple[int, int, int]:
    """Subtotal, discount and tax in cents; the percentages in hundredths of a percent."""
    subtotal = sum(cents)
    discount = min(amount + half_up(subtotal * percent, 10_000), subtotal)
    taxed = sum(line for line, is_taxed in zip(cents, taxable, strict=True) if is_taxed)
    if discount:
        taxed -= sum(
            off for off, is_taxed in zip(share_cents(discount, cents), taxable, strict=True) if is_taxed
        )
    return subtotal, discount, half_up(taxed * tax_percent, 10_000)
