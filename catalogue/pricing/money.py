"""Compute the price of a part from its cost, with a pure function (docs/design, D80).

Costs and prices are `Decimal` dollars with two places, factors and percentages have at most four. The calculation uses
whole cents and ten thousandths as integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from common.domain.money import WHOLE, half_up, ten_thousandths, to_cents, to_dollars


class Band(Protocol):
    """A band of costs that begins at `from_cost` dollars, with a factor or a margin in percent of the price."""

    @property
    def from_cost(self) -> Decimal: ...

    @property
    def multiplier(self) -> Decimal | None: ...

    @property
    def margin(self) -> Decimal | None: ...


def matrix_price(cost: Decimal, bands: Sequence[Band]) -> Decimal | None:
    """Return the price of a part in dollars, half up to the cent, or None below the first band.

    A cost belongs to the band with the largest `from_cost` that is not above it, so that a boundary belongs to the
    upper band. `bands` may be in any order, and no two begin at one cost.
    """
    reached = [band for band in bands if band.from_cost <= cost]
    if not reached:
        return None
    band = max(reached, key=lambda band: band.from_cost)
    cents = to_cents(cost)
    if band.multiplier is not None:
        return to_dollars(half_up(cents * ten_thousandths(band.multiplier), 10_000))
    assert band.margin is not None  # a constraint of the table
    return to_dollars(half_up(cents * WHOLE, WHOLE - ten_thousandths(band.margin)))
