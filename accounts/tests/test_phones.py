from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.phones import format_phone, validate_phone

# The first samples are from the contracts.
GOOD = [
    "",
    "(555) 714-5422",
    "+1234567890",
    "+1 (555) 123-4567",
    "555-123-4567",
    "1234567",
    "123456789012345",
    "555.123.4567 x89",
    "+49 40/123456",
    "+1 (555) 123-4567 x12345",
    "123456789012345 ext. 12",
    "555-123-4567, Ext 7",
    "555-123-4567 extension 7",
    "555-123-4567#89",
]
BAD = [
    "123456",
    "1234567890123456",
    "555-CALL-NOW",
    "+",
    "١٢٣٤٥٦٧",
    "5551234567\n",
    "555 123 4567\0",
    "tel:5551234567",
    "555123 x4567",
    "5551234567 x",
    "5551234567 x12345678",
    "x12345 5551234567",
]


@pytest.mark.parametrize("phone", GOOD)
def test_validate_phone_accepts(phone):
    assert validate_phone(phone) is None


@pytest.mark.parametrize("phone", BAD)
def test_validate_phone_refuses(phone):
    with pytest.raises(ValidationError) as refusal:
        validate_phone(phone)
    assert refusal.value.messages == ["Enter a phone number of 7 to 15 digits."]
    assert refusal.value.code == "invalid_phone"


@given(st.integers(0, 20), st.lists(st.sampled_from("+()-./ "), max_size=9), st.randoms())
def test_validate_phone_counts_only_digits(digits, separators, random):
    text = [*("7" * digits), *separators]
    random.shuffle(text)
    phone = "".join(text)
    if not phone or 7 <= digits <= 15:
        validate_phone(phone)
    else:
        with pytest.raises(ValidationError):
            validate_phone(phone)


@pytest.mark.parametrize(
    ("phone", "pretty"),
    [
        ("+15035550142", "(503) 555-0142"),
        ("5035550142", "(503) 555-0142"),
        ("+49 40 123456", "040 123456"),
        ("503-555-0142 x12345", "(503) 555-0142 ext. 12345"),
        ("(555) 714-5422 ext. 12", "(555) 714-5422 ext. 12"),
        ("(555) 714-5422", "(555) 714-5422"),  # not a valid number, so unchanged
        ("1234567", "1234567"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_format_phone(phone, pretty):
    assert format_phone(phone) == pretty


@given(st.text(max_size=40))
def test_format_phone_accepts_any_text(text):
    assert isinstance(format_phone(text), str)
