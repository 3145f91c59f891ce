"""Texts of people within sentences."""

from __future__ import annotations

import pytest

from desk.templatetags.desk import zone_name
from desk.texts import isolate


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
