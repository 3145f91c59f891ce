"""Phone numbers: text of 7 to 15 digits with separators (E.164 gives the upper bound) and perhaps an extension.

Samples in the contracts fail every stricter rule, so there is none. The phonenumbers library is used for formatting
only.
"""

from __future__ import annotations

import re

import phonenumbers
from django.core.exceptions import ValidationError

_NUMBER = re.compile(r"[0-9+()\-./ ]*")
_EXTENSION = re.compile(r"[,;]?\s*(?:x|#|ext\.?|extension)\s*[0-9]{1,7}", re.IGNORECASE)


def validate_phone(phone: str) -> None:
    """Raise ValidationError unless `phone` is empty or has 7 to 15 digits with separators and perhaps an extension."""
    number = re.sub(f"{_EXTENSION.pattern}$", "", phone, flags=re.IGNORECASE)
    digits = sum(character.isdigit() for character in number)
    if phone and not (_NUMBER.fullmatch(number) and 7 <= digits <= 15):
        raise ValidationError("Enter a phone number of 7 to 15 digits.", code="invalid_phone")


def significant_digits(phone: str) -> str:
    """Return the last ten digits of a number, by which two spellings of it are compared, or "" for a short one.

    `accounts.querysets.SignificantDigits` computes the same in the database.
    """
    digits = re.sub("[^0-9]", "", phone)
    return digits[-10:] if len(digits) >= 7 else ""


def format_phone(phone: str, region: str = "US") -> str:
    """Return a valid number in its national format, and any other text unchanged."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_valid_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
