"""Consumption by the full-tank method (docs/design, D130), as pure functions of fill-ups.

What was filled in since the tank was last full is what the miles between have used. A figure needs two full tanks
with every fill-up between them recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_ZERO, _HUNDREDTH, _THOUSANDTH = Decimal(0), Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill-up. `missed` says that another one since the previous fill-up is not recorded."""

    miles: Decimal  # of the odometer
    gallons: Decimal
    is_full: bool = True
    missed: bool = False
    price: Decimal | None = None  # of the whole fill-up


@dataclass(frozen=True, slots=True)
class Leg:
    """The way from one full tank to the next: its miles, what they used, and what that cost if it is known."""

    miles: Decimal
    gallons: Decimal
    cost: Decimal | None

    @property
    def mpg(self) -> Decimal:
        """Return the miles per gallon to two places, half up."""
        return (self.miles / self.gallons).quantize(_HUNDREDTH, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of a vehicle. Averages are of all legs together, so that a long one counts more than a short one.

    A figure that cannot be computed is None. Amounts are dollars.
    """

    fill_ups: int
    miles: Decimal  # from the first fill-up to the last
    gallons: Decimal
    cost: Decimal
    average_mpg: Decimal | None
    best_mpg: Decimal | None
    worst_mpg: Decimal | None
    cost_per_gallon: Decimal | None
    cost_per_mile: Decimal | None


def find_legs(fills: Sequence[Fill]) -> list[Leg | None]:
    """Return for each fill-up the leg that ends with it, or None. The fill-ups are in the order of the odometer.

    A missed fill-up, and an odometer that is lower than before, end a leg without a figure: the next one begins at the
    next full tank.
    """
    legs: list[Leg | None] = []
    since: list[Fill] | None = None  # what was filled in after the last full tank, which is the first of them
    for number, fill in enumerate(fills):
        if fill.missed or (number and fill.miles < fills[number - 1].miles):
            since = None
        if since is not None:
            since.append(fill)
        legs.append(_leg(since) if since is not None and fill.is_full else None)
        if fill.is_full:
            since = [fill]
    return legs


def _leg(since: Sequence[Fill]) -> Leg | None:
    full, *fills = since
    miles = fills[-1].miles - full.miles
    if not miles:
        return None
    prices = [fill.price for fill in fills if fill.price is not None]
    cost = sum(prices, _ZERO) if len(prices) == len(fills) else None
    return Leg(miles, sum((fill.gallons for fill in fills), _ZERO), cost)


def summarize(fills: Sequence[Fill]) -> Statistics:
    """Return the statistics of a vehicle's fill-ups, which are in the order of the odometer."""
    legs = [leg for leg in find_legs(fills) if leg is not None]
    economies = [leg.mpg for leg in legs]
    priced = [(fill.gallons, fill.price) for fill in fills if fill.price is not None]
    paid = [(leg.miles, leg.cost) for leg in legs if leg.cost is not None]
    miles = sum((leg.miles for leg in legs), _ZERO)
    return Statistics(
        fill_ups=len(fills),
        miles=max(fills[-1].miles - fills[0].miles, _ZERO) if fills else _ZERO,
        gallons=sum((fill.gallons for fill in fills), _ZERO),
        cost=sum((price for _, price in priced), _ZERO),
        average_mpg=_ratio(miles, sum((leg.gallons for leg in legs), _ZERO), _HUNDREDTH),
        best_mpg=max(economies, default=None),
        worst_mpg=min(economies, default=None),
        cost_per_gallon=_ratio(
            sum((price for _, price in priced), _ZERO),
            sum((gallons for gallons, _ in priced), _ZERO),
            _THOUSANDTH,
        ),
        cost_per_mile=_ratio(
            sum((cost for _, cost in paid), _ZERO), sum((miles for miles, _ in paid), _ZERO), _THOUSANDTH
        ),
    )


def _ratio(whole: Decimal, parts: Decimal, places: Decimal) -> Decimal | None:
    return (whole / parts).quantize(places, ROUND_HALF_UP) if parts else None
