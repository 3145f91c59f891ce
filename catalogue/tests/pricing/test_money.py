"""The price that a matrix makes of a cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.pricing.money import band_of, band_price


@dataclass(frozen=True)
class Band:
    from_cost: Decimal
    multiplier: Decimal | None = None
    margin: Decimal | None = None


def times(from_cost, factor):
    return Band(Decimal(from_cost), multiplier=Decimal(factor))


def margin(from_cost, percent):
    return Band(Decimal(from_cost), margin=Decimal(percent))


BANDS = [times("0.00", "4.0000"), times("4.00", "3.0000"), margin("20.00", "50.0000")]


def matrix_price(cost, bands):
    band = band_of(cost, bands)
    return None if band is None else band_price(cost, band)


@pytest.mark.parametrize(
    ("cost", "bands", "expected"),
    [
        ("4.00", [times(0, 3)], "12.00"),
        ("4.00", [margin(0, 50)], "8.00"),
        ("1.00", [margin(0, 40)], "1.67"),
        ("0.01", [times(0, "1.5")], "0.02"),  # half up
        ("0.01", [times(0, "1.4999")], "0.01"),
        ("3.99", BANDS, "15.96"),
        ("4.00", BANDS, "12.00"),  # the boundary belongs to the upper band
        ("19.99", BANDS, "59.97"),
        ("20.00", BANDS, "40.00"),
        ("99999.99", BANDS, "199999.98"),
        ("4.00", BANDS[::-1], "12.00"),
        ("0.00", BANDS, "0.00"),
    ],
)
def test_price_is_that_of_the_band(cost, bands, expected):
    assert str(matrix_price(Decimal(cost), bands)) == expected


def test_cost_below_the_first_band_has_no_price():
    assert matrix_price(Decimal("0.99"), [times("1.00", 3)]) is None
    assert matrix_price(Decimal("0.99"), []) is None


@given(
    cost=st.decimals(0, 99_999, places=2),
    begins=st.lists(st.decimals(0, 99_999, places=2), unique=True, max_size=6),
    factor=st.decimals(0, 100, places=4),
    percent=st.decimals(0, Decimal("99.99"), places=4),
    data=st.data(),
)
def test_price_equals_fractions(cost, begins, factor, percent, data):
    bands = [
        Band(begin, multiplier=factor) if data.draw(st.booleans()) else Band(begin, margin=percent)
        for begin in begins
    ]
    found = matrix_price(cost, bands)
    reached = [band for band in sorted(bands, key=lambda band: band.from_cost) if band.from_cost <= cost]
    if not reached:
        assert found is None
        return
    band = reached[-1]
    exact = (
        Fraction(cost) * Fraction(band.multiplier)
        if band.multiplier is not None
        else Fraction(cost) / (1 - Fraction(band.margin) / 100)
    )
    assert Fraction(found) == Fraction(floor(exact * 100 + Fraction(1, 2)), 100)
