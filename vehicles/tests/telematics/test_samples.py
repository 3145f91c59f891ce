from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicles.telematics.samples import EARLIEST, LATEST, Samples, WrongSampleError, checked, merged
from vehicles.tests.telematics.drives import T, samples, steady

T_RULE = "must be whole milliseconds since 1970, not before the year 2000."
ROWS = Samples([T, T + 1, T + 2], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0])


@pytest.mark.parametrize(
    "value", [None, True, 1.5, float(T), "1704067200000", EARLIEST - 1, LATEST + 1, -T, 10**30]
)
def test_a_wrong_time_is_named(value):
    with pytest.raises(WrongSampleError) as error:
        checked([T, value, T], [1] * 3, [1] * 3, [1] * 3)
    assert (error.value.at, error.value.column, error.value.rule) == (1, "t", T_RULE)


@pytest.mark.parametrize(
    ("name", "highest"), [("speed", "400"), ("fuel_rate", "1,000"), ("odometer", "10,000,000")]
)
@pytest.mark.parametrize("value", [-0.1, nan, inf, -inf, 1e308, True, "45", [], {}, 10_000_001])
def test_a_wrong_reading_is_named(name, highest, value):
    columns = ROWS._asdict() | {name: [1.0, 2.0, value]}
    with pytest.raises(WrongSampleError) as error:
        checked(**columns)
    rule = f"must be a number from 0 to {highest}, or null."
    assert (error.value.at, error.value.column, error.value.rule) == (2, name, rule)


@pytest.mark.parametrize("column", [[400, 0, 0.0], [None, None, None], [None, 1, -0.0]])
def test_possible_readings_pass_as_they_are(column):
    assert checked(ROWS.t, column, ROWS.fuel_rate, ROWS.odometer).speed == column


def test_nothing_at_all_passes():
    assert checked([], [], [], []) == Samples([], [], [], [])


def test_put_in_order_and_the_first_of_one_time_kept():
    found = checked([T + 2, T, T + 2, T + 1, T], [1, 2, 3, 4, 5], [None] * 5, [1, 2, 3, 4, 5])
    assert found == Samples([T, T + 1, T + 2], [2, 4, 1], [None] * 3, [2, 4, 1])


@given(st.lists(st.tuples(st.integers(T, T + 20), st.floats(0, 400) | st.none())))
def test_each_time_once_in_order_as_first_sent(rows):
    first = {}
    for t, speed in rows:
        first.setdefault(t, speed)
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], []]
    found = checked(*columns, [None] * len(rows), [None] * len(rows))
    assert list(zip(found.t, found.speed, strict=True)) == sorted(first.items())


@given(st.lists(samples(T, T + 60), max_size=4))
def test_merged_counts_each_time_once_and_the_first_to_arrive_wins(parts):
    first = {}
    for part in parts:
        for row in zip(*part, strict=True):
            first.setdefault(row[0], row)
    assert list(zip(*merged(parts), strict=True)) == [first[t] for t in sorted(first)]


def test_merged_without_an_overlap_is_in_order_of_time_not_of_arrival():
    early, late = steady(3), steady(3, t=T + 10_000, speed=30.0)
    assert merged([late, early]) == merged([early, late])
    assert merged([late, early]).t == [*early.t, *late.t]


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (None, None, 3),
        (T, T + 2, 3),
        (T + 1, None, 2),
        (None, T + 1, 2),
        (T + 1, T + 1, 1),
        (T + 3, None, 0),
        (None, T - 1, 0),
    ],
)
def test_between_is_inclusive(since, until, kept):
    assert len(ROWS.between(since, until).t) == kept
