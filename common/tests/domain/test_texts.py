from __future__ import annotations

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from common.domain import texts

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("Toyota", "Toyota"),
        ("E\u0301be\u0300ne", "Ébène"),
        ("To\u200byo\u00adta\ufeff", "Toyota"),
        ("\u202eToyota\u202c\u200e", "Toyota"),
        ("To\u200dyota", "Toyota"),
        ("\u200dToyota\u200c", "Toyota"),
        (f"{FAMILY} ❤️\u200d🔥 👩🏽\u200d🔧", f"{FAMILY} ❤️\u200d🔥 👩🏽\u200d🔧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\nb\tc", "a\nb\tc"),
    ],
)
def test_tidy_removes_what_cannot_be_seen(text, tidied):
    assert texts.tidy(text) == tidied


@pytest.mark.parametrize(
    ("email", "tidied"),
    [
        (" Ann@Example.COM ", "ann@example.com"),
        ("ann@mu\u0308ller.example", "ann@müller.example"),
        ("ANN@MÜLLER.EXAMPLE", "ann@müller.example"),
        ("ａｎｎ＠example.com", "ann@example.com"),
        ("a\u200bnn@example.com", "ann@example.com"),
        ("\u212aate@example.com", "kate@example.com"),
        ("ann@straße.example", "ann@straße.example"),
        ("ann@STRAẞE.example", "ann@straße.example"),
    ],
)
def test_tidy_email_folds_case_and_width(email, tidied):
    assert texts.tidy_email(email) == tidied


def test_tidy_capitals_folds_width_and_case_letter_by_letter():
    assert texts.tidy_capitals(" ａｂ-1ß\u200b ") == "AB-1ß"


@pytest.mark.parametrize("fold", [texts.tidy, texts.tidy_code, texts.tidy_capitals, texts.tidy_email])
@given(text=st.text())
def test_folding_twice_changes_nothing(fold, text):
    once = fold(text)
    assert fold(once) == once


@given(st.text())
def test_composed_and_decomposed_texts_are_one(text):
    assert texts.tidy(unicodedata.normalize("NFD", text)) == texts.tidy(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\rb", "\x1b[31m", "a\x7f", "a\x85b", "a\u2028b"])
def test_line_has_no_control_characters(text):
    with pytest.raises(ValidationError) as refusal:
        texts.validate_line(text)
    assert refusal.value.messages == ["Control characters such as line breaks and tabs are not allowed here."]
    assert refusal.value.code == "control_characters"
    assert not texts.has_control_characters(texts.without_control_characters(text))
