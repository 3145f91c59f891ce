"""Compute the totals of a repair order, to the cent, with pure functions (docs/design, D29).

Subtotal = the sum of the lines. Discount = an amount plus a percentage of the subtotal, at most the subtotal. It is
shared over the lines in proportion, by largest remainder. Net = subtotal - discount. Tax = a percentage of the
discounted taxable lines, rounded once. Total = net + tax. Cents are rounded half up.

Arguments and results are `Decimal` dollars with two places. Calculations use whole cents and 1/10,000 of a percent as
integers, which are exact in any decimal context, and fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.domain.money import WHOLE, half_up, share_cents, ten_thousandths, to_cents, to_dollars


@dataclass(frozen=True, slots=True)
class Line:
    """A line's amount (in dollars with two places) and taxability."""

    amount: Decimal
    taxable: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The five figures of an order, in dollars with two places."""

    subtotal: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal


def totals(
    lines: Sequence[Line], *, discount_amount: Decimal, discount_percent: Decimal, tax_percent: Decimal
) -> Totals:
    """Return the totals of an order. `lines` are parts, then services, each in the order of their ids, then fees.

    Percentages are 0 to 100 with four places. `discount_amount` is not negative.
    """
    subtotal, discount, tax = totals_in_cents(
        [to_cents(line.amount) for line in lines],
        [line.taxable for line in lines],
        to_cents(discount_amount),
        ten_thousandths(discount_percent),
        ten_thousandths(tax_percent),
    )
    return in_dollars(subtotal, discount, tax)


def in_dollars(subtotal: int, discount: int, tax: int) -> Totals:
    """Return the figures of an order from three of them in cents."""
    net = subtotal - discount
    return Totals(
        to_dollars(subtotal), to_dollars(discount), to_dollars(net), to_dollars(tax), to_dollars(net + tax)
    )


def all_off(typed: Decimal, given: Decimal | None) -> Decimal:
    """Return the dollars off an order: the shop's own amount and what its discount rows take off."""
    return typed if given is None else typed + given


def order_total(
    part_amounts: Sequence[Decimal],
    part_taxable: Sequence[bool],
    service_amounts: Sequence[Decimal],
    service_taxable: Sequence[bool],
    discount_amount: Decimal,
    discount_percent: Decimal,
    tax_percent: Decimal,
) -> Decimal:
    """Return the total of an order from the columns of its lines, as a compiled read has them."""
    subtotal, discount, tax = totals_in_cents(
        list(map(to_cents, (*part_amounts, *service_amounts))),
        [*part_taxable, *service_taxable],
        to_cents(discount_amount),
        ten_thousandths(discount_percent),
        ten_thousandths(tax_percent),
    )
    return to_dollars(subtotal - discount + tax)


def frozen_or_present(frozen: Decimal | None, present: Decimal) -> Decimal:
    """Return the stored total of a completed order, otherwise the current total of its lines."""
    return present if frozen is None else frozen


def line_amount(quantity: Decimal, price: Decimal) -> Decimal:
    """Return quantity × price, or hours × rate, half up to the cent. Both have two places, neither is negative."""
    return to_dollars(half_up(to_cents(quantity) * to_cents(price), 100))


def totals_in_cents(
    cents: Sequence[int], taxable: Sequence[bool], amount: int, percent: int, tax_percent: int
) -> tuple[int, int, int]:
    """Return subtotal, discount and tax in cents. Percentages are in 1/10,000 of a percent."""
    subtotal = sum(cents)
    discount = min(amount + half_up(subtotal * percent, WHOLE), subtotal)
    if len(cents) != len(taxable):
        raise ValueError(f"There are {len(cents)} amounts and {len(taxable)} taxabilities.")
    if all(taxable):
        taxed = subtotal - discount  # the shares of the lines add up to the discount
    else:
        offs = share_cents(discount, cents) if discount else [0] * len(cents)
        taxed = sum(
            [line - off for line, off, is_taxed in zip(cents, offs, taxable, strict=True) if is_taxed]
        )
    return subtotal, discount, half_up(taxed * tax_percent, WHOLE)
