from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicles.telematics.samples import (
    EARLIEST,
    LATEST,
    InvalidSampleError,
    Samples,
    merge_batches,
    validate_samples,
)
from vehicles.tests.telematics.drives import T, samples, steady

T_RULE = "must be whole milliseconds since 1970, not before the year 2000."
ROWS = Samples([T, T + 1, T + 2], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0])


@pytest.mark.parametrize(
    "value", [None, True, 1.5, float(T), "1704067200000", EARLIEST - 1, LATEST + 1, -T, 10**30]
)
def test_invalid_time_is_reported(value):
    with pytest.raises(InvalidSampleError) as error:
        validate_samples([T, value, T], [1] * 3, [1] * 3, [1] * 3)
    assert (error.value.index, error.value.column, error.value.rule) == (1, "t", T_RULE)


@pytest.mark.parametrize(
    ("name", "highest"), [("speed", "400"), ("fuel_rate", "1,000"), ("odometer", "9,999,999.99")]
)
@pytest.mark.parametrize("value", [-0.1, nan, inf, -inf, 1e308, True, "45", [], {}, 10_000_001])
def test_invalid_reading_is_reported(name, highest, value):
    columns = ROWS._asdict() | {name: [1.0, 2.0, value]}
    with pytest.raises(InvalidSampleError) as error:
        validate_samples(**columns)
    rule = f"must be a number from 0 to {highest}, or null."
    assert (error.value.index, error.value.column, error.value.rule) == (2, name, rule)


@pytest.mark.parametrize("column", [[400, 0, 0.0], [None, None, None], [None, 1, -0.0]])
def test_possible_readings_are_unchanged(column):
    assert validate_samples(ROWS.t, column, ROWS.fuel_rate, ROWS.odometer).speed == column


def test_empty_columns_are_valid():
    assert validate_samples([], [], [], []) == Samples([], [], [], [])


def test_samples_are_sorted_and_the_first_of_one_time_kept():
    found = validate_samples([T + 2, T, T + 2, T + 1, T], [1, 2, 3, 4, 5], [None] * 5, [1, 2, 3, 4, 5])
    assert found == Samples([T, T + 1, T + 2], [2, 4, 1], [None] * 3, [2, 4, 1])


@given(st.lists(st.tuples(st.integers(T, T + 20), st.floats(0, 400) | st.none())))
def test_each_time_occurs_once_in_order_with_the_first_reading(rows):
    first = {}
    for t, speed in rows:
        first.setdefault(t, speed)
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], []]
    found = validate_samples(*columns, [None] * len(rows), [None] * len(rows))
    assert list(zip(found.t, found.speed, strict=True)) == sorted(first.items())


@given(st.lists(samples(T, T + 60), max_size=4))
def test_merging_keeps_each_time_once_from_the_first_batch(parts):
    first = {}
    for part in parts:
        for row in zip(*part, strict=True):
            first.setdefault(row[0], row)
    assert list(zip(*merge_batches(parts), strict=True)) == [first[t] for t in sorted(first)]


def test_merging_without_overlap_sorts_by_time_and_not_by_arrival():
    early, late = steady(3), steady(3, t=T + 10_000, speed=30.0)
    assert merge_batches([late, early]) == merge_batches([early, late])
    assert merge_batches([late, early]).t == [*early.t, *late.t]


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
