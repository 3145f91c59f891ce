"""Compute the price of a part from its cost, with a pure function (docs/design, D80).

Costs and prices are `Decimal` dollars with two places, factors and percentages have at most four. The calculation uses
whole cents and ten thousandths as integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from common.domain.money import WHOLE, half_up, ten_thousandths, to_cents, to_dollars


class Band(Protocol):
    """A band of costs that begins at `from_cost` dollars, with a factor or a margin in percent of the price."""

    @property
    def from_cost(self) -> Decimal: ...

    @property
    def multiplier(self) -> Decimal | None: ...

    @property
    def margin(self) -> Decimal | None: ...


AnyBand = TypeVar("AnyBand", bound=Band)


def band_of(cost: Decimal, bands: Sequence[AnyBand]) -> AnyBand | None:
    """Return the band that a cost belongs to, or None below the first band.

    It is the one with the largest `from_cost` that is not above the cost, so that a boundary belongs to the upper band.
    `bands` may be in any order, and no two begin at one cost.
    """
    reached = [band for band in bands if band.from_cost <= cost]
    return max(reached, key=lambda band: band.from_cost, default=None)


def band_price(cost: Decimal, band: Band) -> Decimal:
    """Return the price in dollars that a band makes of a cost, half up to the cent."""
    cents = to_cents(cost)
    if band.multiplier is not None:
        return to_dollars(half_up(cents * ten_thousandths(band.multiplier), 10_000))
    assert band.margin is not None  # a constraint of the table
    return to_dollars(half_up(cents * WHOLE, WHOLE - ten_thousandths(band.margin)))
