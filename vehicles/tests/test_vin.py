from __future__ import annotations

import string

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from vehicles.vin import check_digit_matches, get_model_year, normalize_vin, validate_vin

LETTERS = ["A VIN has only digits and letters, without I, O and Q."]
ALPHABET = sorted(set(string.ascii_uppercase + string.digits) - set("IOQ"))
# 49 CFR 565.15, tables III and IV.
VALUES = {str(n): n for n in range(10)} | dict(
    zip(
        "ABCDEFGHJKLMNPRSTUVWXYZ",
        (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
        strict=True,
    )
)
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


@pytest.mark.parametrize(
    "vin", ["1HGBH41JXMN109186", "1hgbh41jxmn109186", "  1HGBH41JXMN109186\n", "11111111111111111"]
)
def test_validate_vin_accepts(vin):
    assert validate_vin(vin) is None


@pytest.mark.parametrize(
    "vin",
    ["1HG-BH41J-XMN109186", "1hg bh41j\u2013xmn 109186", "1HGBH41JXMN\u200b109186", "１ＨＧｂｈ41JXMN109186"],
)
def test_what_groups_a_vin_and_wide_letters_do_not_count(vin):
    assert validate_vin(vin) is None
    assert normalize_vin(vin) == "1HGBH41JXMN109186"


@pytest.mark.parametrize(
    ("vin", "messages"),
    [
        ("", ["A VIN has 17 characters, not 0."]),
        ("1HGBH41JXMN10918", ["A VIN has 17 characters, not 16."]),
        ("1HGBH41JXMN1091866", ["A VIN has 17 characters, not 18."]),
        ("1HGBH41JXMN10918I", LETTERS),
        ("1HGBH41JXMN10918o", LETTERS),
        ("1HGBH41JXMN10918Q", LETTERS),
        ("1HGBH41JXMN-09186", ["A VIN has 17 characters, not 16."]),
        ("1HGBH41JXMN 09186", ["A VIN has 17 characters, not 16."]),
        ("1HGBH41JXMN0918ß6", LETTERS),
        ("1HGBH41JXMN0918ß", ["A VIN has 17 characters, not 16."]),
        ("1HGBH41JXMN10918١", LETTERS),
        ("1HGBH41JXMN10918\0", LETTERS),
    ],
)
def test_validate_vin_rejects(vin, messages):
    with pytest.raises(ValidationError) as error:
        validate_vin(vin)
    assert error.value.messages == messages
    assert error.value.code == "invalid_vin"


@pytest.mark.parametrize("vin", ["12345", "S812345", "VC19O123456I7Q901", " 194375s107211 "])
def test_vin_up_to_model_year_1980_has_5_to_17_characters(vin):
    validate_vin(vin, 1980)
    with pytest.raises(ValidationError):
        validate_vin(vin, 1981)


@pytest.mark.parametrize(
    ("vin", "messages"),
    [
        ("1234", ["A VIN of a model year up to 1980 has 5 to 17 characters, not 4."]),
        ("1" * 18, ["A VIN of a model year up to 1980 has 5 to 17 characters, not 18."]),
        ("12345*6", ["A VIN has only digits and letters."]),
        ("12345١", ["A VIN has only digits and letters."]),
    ],
)
def test_old_vin_is_rejected(vin, messages):
    with pytest.raises(ValidationError) as error:
        validate_vin(vin, 1980)
    assert (error.value.messages, error.value.code) == (messages, "invalid_vin")


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_every_text_of_the_alphabet_is_valid_in_either_case(vin):
    validate_vin(vin)
    validate_vin(vin.lower())
    assert normalize_vin(f" {vin.lower()} ") == vin


@given(st.text(ALPHABET, min_size=17, max_size=17))
def test_check_digit_follows_the_regulation(vin):
    remainder = sum(VALUES[c] * weight for c, weight in zip(vin, WEIGHTS, strict=True)) % 11
    assert check_digit_matches(vin) is (vin[8] == "0123456789X"[remainder])
    right = vin[:8] + "0123456789X"[remainder] + vin[9:]
    assert check_digit_matches(right) is True


@pytest.mark.parametrize("vin", ["", "short", "1HGBH41JXMN10918I", "1HGBH41JXMN1091866", "ÄÖÜ45678901234567"])
def test_check_digit_of_an_invalid_vin_is_none(vin):
    assert check_digit_matches(vin) is None


@given(st.text(max_size=20))
def test_check_digit_never_raises(text):
    assert check_digit_matches(text) in (True, False, None)


def checked(vin):
    """Return the VIN with the check digit of its other characters."""
    rest = sum(VALUES[letter] * weight for letter, weight in zip(vin, WEIGHTS, strict=True)) % 11
    return f"{vin[:8]}{'X' if rest == 10 else rest}{vin[9:]}"


class TestModelYear:
    @pytest.mark.parametrize(
        ("seventh", "tenth", "year"),
        [
            ("1", "A", 1980), ("1", "M", 1991), ("1", "Y", 2000), ("2", "1", 2001), ("2", "9", 2009),
            ("A", "A", 2010), ("E", "K", 2019), ("Z", "V", 2027),
        ],
    )  # fmt: skip
    def test_the_seventh_character_tells_which_thirty_years(self, seventh, tenth, year):
        vin = checked(f"1HGCM8{seventh}60{tenth}A004352")
        assert get_model_year(vin.lower(), latest=2027) == year

    @pytest.mark.parametrize("tenth", ["0", "U", "Z"])
    def test_a_character_that_is_no_year_states_none(self, tenth):
        assert get_model_year(checked(f"1HGCM8260{tenth}A004352"), latest=2027) is None

    def test_a_vin_whose_check_digit_does_not_fit_states_none(self):
        assert get_model_year("1HGCM82633A004352", latest=2027) == 2003
        assert get_model_year("1HGCM82643A004352", latest=2027) is None

    def test_a_year_that_is_not_sold_yet_states_none(self):
        vin = checked("1HGCM8A63WA004352")
        assert get_model_year(vin, latest=2027) is None
        assert get_model_year(vin, latest=2028) == 2028

    @pytest.mark.parametrize("vin", ["", "194377S103420"])
    def test_what_is_no_vin_states_none(self, vin):
        assert get_model_year(vin, latest=2027) is None
