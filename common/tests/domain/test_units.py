"""Distances, volumes and consumption in the units of a reader."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from common.domain.units import (
    MAX_MILES,
    Units,
    check_figure,
    format_consumption,
    format_distance,
    format_least,
    format_most,
    format_volume,
    format_whole,
    from_miles,
    paper_units,
    to_miles,
    whole_figure,
)

IMPERIAL, METRIC = Units.IMPERIAL, Units.METRIC
MOST_KILOMETERS = 16_093_439  # 9,999,999.99 miles are 16,093,439.98 km
MILES = st.decimals(0, MAX_MILES, places=2)


@pytest.mark.parametrize(
    ("kilometers", "miles"),
    [
        # kilometers ÷ 1.609344, by hand
        ("0", "0.00"),
        ("1", "0.62"),
        ("100", "62.14"),
        ("1609.344", "1000.00"),
        ("100000", "62137.12"),
        ("77588.6", "48211.32"),
        ("16093439.9", "9999999.94"),
    ],
)
def test_kilometers_in_miles(kilometers, miles):
    assert to_miles(Decimal(kilometers), METRIC) == Decimal(miles)


@pytest.mark.parametrize(
    ("miles", "kilometers", "whole"),
    [
        # miles × 1.609344, by hand
        ("0", "0.0", "0"),
        ("62137.12", "100000.0", "100000"),
        ("48211.30", "77588.6", "77589"),
        ("0.62", "1.0", "1"),
        ("0.31", "0.5", "0"),  # 0.49889664 km
        ("9999999.99", "16093440.0", "16093440"),
    ],
)
def test_miles_in_kilometers(miles, kilometers, whole):
    assert from_miles(Decimal(miles), METRIC) == Decimal(kilometers)
    assert whole_figure(Decimal(miles), METRIC) == Decimal(whole)


@given(st.integers(0, MOST_KILOMETERS))
def test_whole_kilometers_come_back_as_they_were_typed(kilometers):
    miles = to_miles(Decimal(kilometers), METRIC)
    assert (from_miles(miles, METRIC), whole_figure(miles, METRIC)) == (kilometers, kilometers)
    assert format_distance(miles, METRIC) == f"{kilometers:,} km"


def test_whole_kilometers_from_end_to_end_come_back():
    for kilometers in range(0, MOST_KILOMETERS, 1009):  # a prime, so that all last digits are met
        assert from_miles(to_miles(Decimal(kilometers), METRIC), METRIC) == kilometers


@given(st.decimals(0, MOST_KILOMETERS, places=1))
def test_tenths_of_kilometers_come_back_as_they_were_typed(kilometers):
    assert from_miles(to_miles(kilometers, METRIC), METRIC) == kilometers


@given(MILES)
def test_miles_come_back_within_a_tenth_of_a_kilometer(miles):
    back = to_miles(from_miles(miles, METRIC), METRIC)
    assert abs(back - miles) <= Decimal("0.04")  # half a tenth of a kilometer, and half a hundredth of a mile


@given(MILES, MILES)
def test_conversion_keeps_the_order(first, second):
    low, high = sorted((first, second))
    assert from_miles(low, METRIC) <= from_miles(high, METRIC)
    assert to_miles(low, METRIC) <= to_miles(high, METRIC)


@given(MILES)
def test_miles_stay_as_they_are(miles):
    assert (from_miles(miles, IMPERIAL), to_miles(miles, IMPERIAL)) == (miles, miles)


def _figure(text):
    return Decimal(text.removesuffix(" km").replace(",", ""))


@given(MILES)
def test_bounds_that_errors_name_are_met_by_the_figures(miles):
    least, most = _figure(format_least(miles, METRIC)), _figure(format_most(miles, METRIC))
    assert to_miles(least, METRIC) >= miles >= to_miles(most, METRIC)
    tenth = Decimal("0.1")
    assert to_miles(least - tenth, METRIC) < miles < to_miles(most + tenth, METRIC)


def test_bounds_as_errors_print_them():
    assert (format_least(Decimal("100.00"), IMPERIAL), format_most(Decimal("100.50"), IMPERIAL)) == (
        "100.00 miles",
        "100.50 miles",
    )
    assert format_least(Decimal("62137.12"), METRIC) == "100,000 km"
    # 62137.15 miles are 100,000.049 km. 100,000 km would be 62137.12 miles.
    assert (format_least(Decimal("62137.15"), METRIC), format_most(Decimal("62137.15"), METRIC)) == (
        "100,000.1 km",
        "100,000 km",
    )


@pytest.mark.parametrize(
    ("figure", "units", "message"),
    [
        ("10000000", IMPERIAL, "Ensure this value is less than or equal to 9999999.99."),
        ("16093440", METRIC, "Ensure this value is less than or equal to 16093439.9."),
        ("1.234", IMPERIAL, "Ensure that there are no more than 2 decimal places."),
        ("1.23", METRIC, "Enter kilometers with at most one decimal place."),
    ],
)
def test_figures_that_no_odometer_shows_are_refused_in_their_units(figure, units, message):
    with pytest.raises(ValidationError) as refusal:
        check_figure(Decimal(figure), units)
    assert refusal.value.messages == [message]


def test_largest_figures_are_accepted():
    check_figure(MAX_MILES, IMPERIAL)
    check_figure(Decimal("16093439.9"), METRIC)
    assert to_miles(Decimal("16093439.9"), METRIC) <= MAX_MILES


def test_distances_as_they_are_printed():
    assert [format_distance(miles, IMPERIAL) for miles in ("62137.12", "48211.30", "100.00")] == [
        "62,137.12 miles",
        "48,211.3 miles",
        "100 miles",
    ]
    assert [format_distance(miles, METRIC) for miles in ("62137.12", "48211.30")] == [
        "100,000 km",
        "77,588.6 km",
    ]
    assert (format_whole("62137.50", IMPERIAL), format_whole("62137.12", METRIC)) == ("62,138", "100,000")


def test_volumes_as_they_are_printed():
    assert (format_volume("10.500", IMPERIAL), format_volume("10.500", METRIC)) == ("10.5 gallons", "39.75 L")
    assert (format_volume("1000", IMPERIAL), format_volume("1000", METRIC)) == ("1,000 gallons", "3,785.41 L")


@pytest.mark.parametrize(
    ("mpg", "metric"),
    [
        # 235.2145833 ÷ mpg
        ("30.00", "7.8 L/100 km"),
        ("25.00", "9.4 L/100 km"),
        ("23.52", "10.0 L/100 km"),
        ("0.10", "2,352.1 L/100 km"),
        ("0.00", "–"),
    ],
)
def test_consumption_as_it_is_printed(mpg, metric):
    assert (format_consumption(mpg, IMPERIAL), format_consumption(mpg, METRIC)) == (f"{mpg} mpg", metric)


def test_papers_without_units_are_in_miles():
    assert (paper_units({}), paper_units({"units": "metric"})) == (IMPERIAL, METRIC)
