"""Consumption by the full-tank method. The worked examples are computed by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicles.fuel.consumption import Fill, Statistics, find_legs, summarize


def fill(miles, gallons, price=None, **more):
    return Fill(Decimal(miles), Decimal(gallons), price=None if price is None else Decimal(price), **more)


def partial(miles, gallons, price=None):
    return fill(miles, gallons, price, is_full=False)


def missed(miles, gallons, **more):
    return fill(miles, gallons, missed=True, **more)


def economies(*fills):
    return [None if leg is None else str(leg.mpg) for leg in find_legs(fills)]


@pytest.mark.parametrize(
    ("fills", "mpg"),
    [
        ([], []),
        # Nothing is known before the first full tank.
        ([fill(1000, 12)], [None]),
        ([partial(900, 5), fill(1000, 12)], [None, None]),
        # 300 miles on 10 gallons.
        ([fill(1000, 12), fill(1300, 10)], [None, "30.00"]),
        # 350 miles on 4 + 10 gallons, of which 4 did not fill the tank.
        ([fill(1000, 12), partial(1120, 4), fill(1350, 10)], [None, None, "25.00"]),
        # 500 miles on 5 + 6 + 9 gallons, and then 210 on 7.
        (
            [fill(1000, 12), partial(1100, 5), partial(1300, 6), fill(1500, 9), fill(1710, 7)],
            [None, None, None, "25.00", "30.00"],
        ),
        # The fill-up between 1000 and 1800 is not recorded. From 1800 on, 240 miles on 8 gallons.
        ([fill(1000, 12), missed(1800, 9), fill(2040, 8)], [None, None, "30.00"]),
        # After a missed one the tank has to be full once.
        (
            [fill(1000, 12), missed(1500, 6, is_full=False), fill(1800, 9), fill(2100, 12)],
            [None, None, None, "25.00"],
        ),
        # A tank is topped up before the vehicle moves: no miles, and the next figure begins there.
        ([fill(1000, 12), fill(1000, "0.5"), fill(1250, 10)], [None, None, "25.00"]),
        # A new instrument cluster begins at 0.
        ([fill(99900, 12), fill(10, 9), fill(310, 12)], [None, None, "25.00"]),
        # 100 miles on 3 gallons are 33.333…, 200 on 3 are 66.666….
        ([fill(0, 1), fill(100, 3), fill(300, 3)], [None, "33.33", "66.67"]),
        # 1 mile on 8 gallons is 0.125, half up.
        ([fill(0, 1), fill(1, 8)], [None, "0.13"]),
    ],
)
def test_worked_examples(fills, mpg):
    assert economies(*fills) == mpg


def test_statistics_of_a_worked_example():
    fills = [
        fill(1000, 12, "36.00"),  # begins
        fill(1300, 10, "35.00"),  # 300 miles, 10 gallons: 30 mpg
        partial(1400, 5, "15.00"),
        fill(1600, 10, "30.00"),  # 300 miles, 15 gallons, 45.00: 20 mpg
        fill(1900, 12),  # 300 miles, 12 gallons, price unknown: 25 mpg
        missed(2500, 10, price=Decimal("41.00")),
    ]
    assert summarize(fills) == Statistics(
        fill_ups=6,
        miles=Decimal(1500),
        gallons=Decimal(59),
        cost=Decimal("157.00"),
        average_mpg=Decimal("24.32"),  # 900 / 37
        best_mpg=Decimal("30.00"),
        worst_mpg=Decimal("20.00"),
        cost_per_gallon=Decimal("3.340"),  # 157 / 47
        cost_per_mile=Decimal("0.133"),  # (35 + 45) / 600
    )


def test_statistics_without_fill_ups_have_no_averages():
    zero = Decimal(0)
    assert summarize([]) == Statistics(0, zero, zero, zero, None, None, None, None, None)


distances = st.decimals(1, 900, places=1)
volumes = st.decimals("0.1", 40, places=3)
steps = st.tuples(distances, volumes, st.booleans(), st.booleans())


@st.composite
def histories(draw):
    miles, fills = Decimal(0), []
    for step, gallons, is_full, is_missed in draw(st.lists(steps, max_size=12)):
        miles += step
        fills.append(Fill(miles, gallons, is_full, is_missed))
    return fills


@given(histories())
def test_legs_end_at_full_tanks_and_never_overlap(fills):
    legs = find_legs(fills)
    assert len(legs) == len(fills)
    assert all(fill.is_full for fill, leg in zip(fills, legs, strict=True) if leg)
    whole = summarize(fills)
    assert sum(leg.miles for leg in legs if leg) <= whole.miles
    assert sum(leg.gallons for leg in legs if leg) <= whole.gallons
    if whole.average_mpg is not None:
        assert whole.worst_mpg <= whole.average_mpg <= whole.best_mpg


@given(histories())
def test_a_figure_needs_every_fill_up_since_the_last_full_tank(fills):
    for number, leg in enumerate(find_legs(fills)):
        if leg is None:
            continue
        begin = max(earlier for earlier in range(number) if fills[earlier].is_full)
        used = fills[begin + 1 : number + 1]
        assert leg.gallons == sum(fill.gallons for fill in used)
        assert leg.miles == fills[number].miles - fills[begin].miles
        assert not any(fill.missed for fill in used)


@given(histories(), st.data())
def test_a_missed_fill_up_takes_away_its_own_leg_alone(fills, data):
    if not fills:
        return
    at = data.draw(st.integers(0, len(fills) - 1))
    before = find_legs(fills)
    after = find_legs([*fills[:at], replace(fills[at], missed=True), *fills[at + 1 :]])
    ends = next((n for n in range(at, len(fills)) if fills[n].is_full), None)
    assert after == [None if n == ends else leg for n, leg in enumerate(before)]


@given(distances, distances, volumes, volumes)
def test_filling_in_two_goes_changes_no_figure(first, second, some, rest):
    start, end = Fill(Decimal(0), Decimal(10)), first + second
    at_once = [start, Fill(end, some + rest)]
    in_two = [start, Fill(first, some, is_full=False), Fill(end, rest)]
    assert find_legs(at_once)[-1] == find_legs(in_two)[-1]
