"""Vehicle identification numbers (ISO 3779; check digit: 49 CFR 565.15).

17 characters of digits and letters without I, O, Q. Whole continents do not use the check digit, and contract
003's own sample fails it: a wrong one is shown to staff and refused to nobody.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from vininfo import Vin
from vininfo.exceptions import VininfoException

_SHAPE = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def normal_vin(vin: str) -> str:
    return vin.strip().upper()


def validate_vin(vin: str) -> None:
    """Raise ValidationError unless `vin`, in any case, has the shape of one."""
    vin = normal_vin(vin)
    if len(vin) != 17:
        raise ValidationError("A VIN has 17 characters.", code="invalid_vin")
    if not _SHAPE.fullmatch(vin):
        raise ValidationError("A VIN has digits and letters only, and never I, O or Q.", code="invalid_vin")


def check_digit_matches(vin: str) -> bool | None:
    """Whether the ninth character is the check digit of the others; None for what is not a VIN."""
    try:
        return bool(Vin(vin).verify_checksum(check_year=False))
    except (VininfoException, TypeError):
        return None
