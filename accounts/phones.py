"""Phone numbers: text of 7 to 15 digits with separators (E.164 gives the upper bound).

Samples in the contracts fail every stricter rule, so there is none. The phonenumbers library is used for formatting
only.
"""

from __future__ import annotations

import re

import phonenumbers
from django.core.exceptions import ValidationError

_ALLOWED = re.compile(r"[0-9+()\-./ x]*")


def validate_phone(phone: str) -> None:
    """Raise ValidationError unless `phone` is empty or consists of 7 to 15 digits and separators."""
    if not phone:
        return
    digits = sum(character.isdigit() for character in phone)
    if not _ALLOWED.fullmatch(phone) or not 7 <= digits <= 15:
        raise ValidationError("Enter a phone number of 7 to 15 digits.", code="invalid_phone")


def format_phone(phone: str, region: str = "US") -> str:
    """Return a valid number in its national format, and any other text unchanged."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_valid_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
