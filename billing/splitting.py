"""Split discount and tax over the lines of an invoice, and take them back in steps, in cents (docs/design, D88, D89).

All functions are pure. What is split at one moment follows the largest remainder. What is taken back in steps is
counted cumulatively, so that the steps add up to the whole exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.domain.money import half_up, share_cents


@dataclass(frozen=True, slots=True)
class Shares:
    """A line's figures in cents: amount = discount + net, and tax on top."""

    amount: int
    discount: int
    net: int
    tax: int

    @property
    def total(self) -> int:
        return self.net + self.tax

    def __sub__(self, other: Shares) -> Shares:
        return Shares(
            self.amount - other.amount,
            self.discount - other.discount,
            self.net - other.net,
            self.tax - other.tax,
        )


NOTHING = Shares(0, 0, 0, 0)


def add_up(shares: Sequence[Shares]) -> Shares:
    return Shares(
        sum(one.amount for one in shares),
        sum(one.discount for one in shares),
        sum(one.net for one in shares),
        sum(one.tax for one in shares),
    )


def split(amounts: Sequence[int], taxable: Sequence[bool], *, discount: int, tax: int) -> list[Shares]:
    """Share discount and tax of an order over its lines: parts, services, then fees, each in the order of their ids."""
    discounts = share_cents(discount, amounts)
    nets = [amount - off for amount, off in zip(amounts, discounts, strict=True)]
    taxes = share_cents(tax, [net if taxed else 0 for net, taxed in zip(nets, taxable, strict=True)])
    return [Shares(*row) for row in zip(amounts, discounts, nets, taxes, strict=True)]


def part_of(whole: Shares, pieces: int, of: int) -> Shares:
    """Return what `pieces` of `of` hundredths of a line come to, counted from the first piece."""
    discount, net, tax = (half_up(cents * pieces, of) for cents in (whole.discount, whole.net, whole.tax))
    return Shares(discount + net, discount, net, tax)


def tax_in(amount: int, *, tax: int, total: int) -> int:
    """Return the tax in an amount of an invoice that includes it, counted from the first cent."""
    return half_up(amount * tax, total) if total else 0


def fit(wanted: Shares, left: Shares) -> int:
    """Return the cents by which the tax of a credit must change, so that what is left can be credited, too.

    After credits by amount, less tax or less net may be left than a line has. The credit's total stays.
    """
    tax = min(wanted.tax, left.tax)
    tax = max(tax, wanted.total - left.net)
    return tax - wanted.tax
