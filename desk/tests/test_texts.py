"""Texts of people within sentences."""

from __future__ import annotations

import pytest

from desk.order.boxes import Box
from desk.templatetags.desk import figure_box, zone_name
from desk.texts import car_name, isolate
from vehicles.models import Vehicle


@pytest.mark.parametrize("text", ["", "Linda Park", "佐藤 美咲", "Zoë 🚗", "(555) 887-2211"])
def test_text_from_left_to_right_stays_as_it_is(text):
    assert isolate(text) == text


@pytest.mark.parametrize("text", ["عبد الرحمن", "יוסף 3", "Garage كامري"])
def test_right_to_left_letters_are_isolated(text):
    assert isolate(text) == f"\u2068{text}\u2069"


@pytest.mark.parametrize(
    ("zone", "name"),
    [("America/New_York", "New York"), ("America/Argentina/Buenos_Aires", "Buenos Aires"), ("UTC", "UTC")],
)
def test_time_zone_is_named_by_its_city(zone, name):
    assert zone_name(zone) == name


def test_box_of_a_figure_escapes_what_was_typed_and_ties_its_error_to_it():
    html = figure_box(Box("p1-quantity", "Quantity of <b>", '1"', "Enter a <number>."))
    assert html == (
        '<input id="p1-quantity" name="p1-quantity" value="1&quot;" aria-label="Quantity of &lt;b&gt;" '
        'inputmode="decimal" autocomplete="off" aria-invalid="true" aria-describedby="err-p1-quantity">'
        '<p class="err" id="err-p1-quantity">Enter a &lt;number&gt;.</p>'
    )
    assert "err" not in figure_box(Box("p1-quantity", "Quantity", "1"))


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({}, "2016 Ford F-150"),
        ({"license_plate": "AB 1"}, "2016 Ford F-150 (AB 1)"),
        ({"unit_number": "T7", "license_plate": "AB 1"}, "2016 Ford F-150 (T7)"),
        ({"vin": "1HGCM82633A004352"}, "2016 Ford F-150 (3A004352)"),
    ],
)
def test_vehicle_is_named_without_the_number_of_its_row(known, name):
    assert car_name(Vehicle(pk=61, year=2016, make="Ford", model="F-150", **known)) == name
