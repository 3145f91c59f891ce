"""Vehicle identification numbers (ISO 3779). The check digit is defined by 49 CFR 565.15.

A VIN has 17 characters: digits and letters without I, O and Q. Outside North America the check digit is not used, and
the sample VIN of contract 003 fails it. A wrong check digit is therefore shown to staff, and the VIN is accepted.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from vininfo import Vin
from vininfo.exceptions import VininfoException

_SHAPE = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def normalize_vin(vin: str) -> str:
    return vin.strip().upper()


def validate_vin(vin: str) -> None:
    """Raise ValidationError unless `vin` has the length and the characters of a VIN. Case is ignored."""
    vin = normalize_vin(vin)
    if len(vin) != 17:
        raise ValidationError(f"A VIN has 17 characters, not {len(vin)}.", code="invalid_vin")
    if not _SHAPE.fullmatch(vin):
        raise ValidationError("A VIN has only digits and letters, without I, O and Q.", code="invalid_vin")


def check_digit_matches(vin: str) -> bool | None:
    """Return whether the ninth character is the check digit of the others, or None if `vin` is not a VIN."""
    try:
        return bool(Vin(vin).verify_checksum(check_year=False))
    except (VininfoException, TypeError):
        return None
