"""Compute the totals of a repair order, to the cent, with pure functions (docs/design, D29).

Subtotal = the sum of the lines. Discount = an amount plus a percentage of the subtotal, at most the subtotal. It is
shared over the lines in proportion, by largest remainder. Tax = a percentage of the discounted taxable lines, rounded
once. Total = subtotal - discount + tax. Cents are rounded half up.

Arguments and results are `Decimal` dollars with two places. Calculations use whole cents as integers, which are exact
in any decimal context, and fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.domain.money import half_up, share_cents, to_cents, to_dollars


@dataclass(frozen=True, slots=True)
class Line:
    """A line's amount (unit price × quantity, in dollars with two places) and taxability."""

    amount: Decimal
    taxable: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The four totals of an order, in dollars with two places."""

    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def totals(
    lines: Sequence[Line], *, discount_amount: Decimal, discount_percent: Decimal, tax_percent: Decimal
) -> Totals:
    """Return the totals of an order. `lines` are parts, then services, each in the order of their ids.

    Percentages are 0 to 100 with two places. `discount_amount` is not negative.
    """
    cents = [to_cents(line.amount) for line in lines]
    taxable = [line.taxable for line in lines]
    subtotal, discount, tax = _totals_in_cents(
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
    """Return the total of an order from the columns of its lines, as a compiled read has them."""
    cents = [to_cents(price) * n for price, n in zip(part_prices, part_quantities, strict=True)]
    cents += [to_cents(price) for price in service_prices]
    subtotal, discount, tax = _totals_in_cents(
        cents,
        [*part_taxable, *service_taxable],
        to_cents(discount_amount),
        to_cents(discount_percent),
        to_cents(tax_percent),
    )
    return to_dollars(subtotal - discount + tax)


def frozen_or_present(frozen: Decimal | None, present: Decimal) -> Decimal:
    """Return the stored total of a completed order, otherwise the current total of its lines."""
    return present if frozen is None else frozen


def _totals_in_cents(
    cents: Sequence[int], taxable: Sequence[bool], amount: int, percent: int, tax_percent: int
) -> tuple[int, int, int]:
    """Return subtotal, discount and tax in cents. Percentages are in hundredths of a percent."""
    subtotal = sum(cents)
    discount = min(amount + half_up(subtotal * percent, 10_000), subtotal)
    taxed = sum(line for line, is_taxed in zip(cents, taxable, strict=True) if is_taxed)
    if discount:
        taxed -= sum(
            off for off, is_taxed in zip(share_cents(discount, cents), taxable, strict=True) if is_taxed
        )
    return subtotal, discount, half_up(taxed * tax_percent, 10_000)
