"""Phone numbers: text of 7 to 15 digits with separators (E.164 gives the upper bound).

The contracts' own samples fail every stricter rule, so nothing stricter refuses; phonenumbers only formats.
"""

from __future__ import annotations

import re

import phonenumbers
from django.core.exceptions import ValidationError

_ALLOWED = re.compile(r"[0-9+()\-./ x]*")


def validate_phone(phone: str) -> None:
    """Raise ValidationError unless `phone` is empty or has 7 to 15 digits and nothing but separators beside."""
    if not phone:
        return
    digits = sum(character.isdigit() for character in phone)
    if not _ALLOWED.fullmatch(phone) or not 7 <= digits <= 15:
        raise ValidationError("Enter a phone number of 7 to 15 digits.", code="invalid_phone")


def pretty_phone(phone: str, region: str = "US") -> str:
    """The national format where the number is a possible one, else as it was typed."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_valid_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
