from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicles.codes.meaning import PATTERN, describe, is_code, is_of_the_maker, normalize_code

codes = st.from_regex(re.compile(PATTERN), fullmatch=True)


@pytest.mark.parametrize("text", ["P0301", " p0301 ", "U3fff", "B2A0C", "C0035"])
def test_codes(text):
    assert is_code(normalize_code(text))


@pytest.mark.parametrize(
    "text", ["", "P301", "P03011", "P4301", "X0301", "P030G", "P0301\n", "P0301٣", "Р0301"]
)
def test_other_texts_are_none(text):
    assert not is_code(text)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("P0301", "Powertrain: ignition or misfire"),
        ("P0171", "Powertrain: fuel and air metering"),
        ("P0420", "Powertrain: auxiliary emission controls"),
        ("P0730", "Powertrain: transmission"),
        ("P0A80", "Powertrain: hybrid propulsion"),
        ("P0D00", "Powertrain"),
        ("P2096", "Powertrain"),
        ("P1604", "Powertrain: defined by the maker"),
        ("P3300", "Powertrain: defined by the maker"),
        ("P3400", "Powertrain"),
        ("C0035", "Chassis"),
        ("C2201", "Chassis: defined by the maker"),
        ("B1342", "Body: defined by the maker"),
        ("U0100", "Network"),
        ("U3000", "Network"),
    ],
)
def test_meaning_follows_the_structure(code, meaning):
    assert describe(code) == meaning


@given(codes)
def test_every_code_has_a_meaning(code):
    assert is_code(code)
    assert normalize_code(code.lower()) == code
    assert describe(code).endswith("defined by the maker") is is_of_the_maker(code)
