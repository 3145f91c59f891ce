"""What a repair order costs, to the cent. Pure functions (DESIGN, decision 4).

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
    cents = [_cents(line.amount) for line in lines]
    taxable = [line.taxable for line in lines]
    subtotal, discount, tax = _figures(
        cents, taxable, _cents(discount_amount), _cents(discount_percent), _cents(tax_percent)
    )
    return Totals(_dollars(subtotal), _dollars(discount), _dollars(tax), _dollars(subtotal - discount + tax))


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
    cents = [_cents(price) * n for price, n in zip(part_prices, part_quantities, strict=True)]
    cents += [_cents(price) for price in service_prices]
    subtotal, discount, tax = _figures(
        cents,
        [*part_taxable, *service_taxable],
        _cents(discount_amount),
        _cents(discount_percent),
        _cents(tax_percent),
    )
    return _dollars(subtotal - discount + tax)


def frozen_or_present(frozen: Decimal | None, present: Decimal) -> Decimal:
    """What an order costs: frozen when it is completed, until then what its lines say."""
    return present if frozen is None else frozen


def share(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`amount` in whole cents, split in proportion to `weights` so that the parts add up to it.

    Each part is cut to whole cents; the cents left over go to the largest remainders, equal ones to the earlier
    part. All weights zero, or none: nothing can be shared, every part is zero.
    """
    return [_dollars(part) for part in _share(_cents(amount), [_cents(weight) for weight in weights])]


def _figures(
    cents: Sequence[int], taxable: Sequence[bool], amount: int, percent: int, tax_percent: int
) -> tuple[int, int, int]:
    """Subtotal, discount and tax in cents; the percentages in hundredths of a percent."""
    subtotal = sum(cents)
    discount = min(amount + _half_up(subtotal * percent, 10_000), subtotal)
    taxed = sum(line for line, is_taxed in zip(cents, taxable, strict=True) if is_taxed)
    if discount:
        taxed -= sum(off for off, is_taxed in zip(_share(discount, cents), taxable, strict=True) if is_taxed)
    return subtotal, discount, _half_up(taxed * tax_percent, 10_000)


def _share(cents: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [divmod(cents * weight, whole) for weight in weights]
    left_over = cents - sum(part for part, _ in parts)
    richest = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:left_over]
    return [part + (i in richest) for i, (part, _) in enumerate(parts)]


def _half_up(numerator: int, denominator: int) -> int:
    """Their quotient rounded half up; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def _cents(amount: Decimal) -> int:
    return int(amount * 100)


def _dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
