"""What is marked in a text that a search found, and the numbers that a search can be."""

from __future__ import annotations

import pytest

from desk.search.text import Sought


def marks(search, text):
    """Return a text with the marked pieces in brackets."""
    return "".join(f"[{piece}]" if is_match else piece for piece, is_match in Sought.of(search).mark(text))


@pytest.mark.parametrize(
    ("search", "text", "marked"),
    [
        ("park", "Linda Park", "Linda [Park]"),
        ("PARK linda", "Linda Park", "[Linda] [Park]"),
        ("muller", "Zoë Müller", "Zoë [Müller]"),
        ("Müller", "Zoe Muller", "Zoe [Muller]"),
        ("5550123", "(217) 555-0123", "(217) [555-0123]"),
        ("+1 217 555 0123", "(217) 555-0123", "([217) 555-0123]"),
        ("abc1234", "AB-C 12 34", "[AB-C 12 34]"),
        ("12", "1 2 12", "1 2 [12]"),
        ("o'neil", "Pat O’Neil", "Pat [O’Neil]"),
        ("山田", "山田 太郎", "[山田] 太郎"),
        ("שרה", "שרה כהן", "[שרה] כהן"),
        ("ann", "Joanna Mann", "Jo[ann]a M[ann]"),
        ("xyz", "Linda Park", "Linda Park"),
        ("-", "A-B", "A-B"),
        ("a", "", ""),
    ],
)
def test_matched_piece_is_marked_in_its_own_spelling(search, text, marked):
    assert marks(search, text) == marked


@pytest.mark.parametrize("text", ["1042", "#1042", "RO 1042", "ro-1042", "order 1042", "Repair order #1042"])
def test_number_is_read_in_any_spelling(text):
    assert Sought.of(text).number("REPAIRORDER", "ORDER", "RO") == 1042


@pytest.mark.parametrize("text", ["", "0", "10 apples", "RO", "٤٢", "9" * 30, "-"])
def test_other_text_is_no_number(text):
    assert Sought.of(text).number("RO") is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("(217) 555-0123", "2175550123"),
        ("+1 217.555.0123", "2175550123"),
        ("555 0123", "5550123"),
        ("1042", ""),
        ("KDR-1180", ""),
        ("1HGBH41JXMN109186", ""),
    ],
)
def test_phone_number_is_told_from_other_texts(text, digits):
    assert Sought.of(text).digits == digits


def test_words_after_the_sixth_and_letters_after_the_longest_are_not_read():
    assert Sought.of("a b c d e f g h").words == ["A", "B", "C", "D", "E", "F"]
    assert Sought.of("x" * 900).words == ["X" * 200]
