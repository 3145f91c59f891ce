"""Vehicle identification numbers (ISO 3779). The check digit is defined by 49 CFR 565.15.

A VIN has 17 characters: digits and letters without I, O and Q. Up to model year 1980 each maker had numbers of its own,
of 5 to 17 digits and letters. Outside North America the check digit is not used, and the sample VIN of contract 003
fails it. A wrong check digit is therefore shown to staff, and the VIN is accepted.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from vininfo import Vin
from vininfo.exceptions import VininfoException

from common.domain.text_fields import LineField, TextFormField
from common.domain.texts import tidy_capitals

LAST_YEAR_WITHOUT_STANDARD = 1980
LENGTH, SHORTEST = 17, 5
_SHAPE = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")


def normalize_vin(vin: str) -> str:
    """Return the VIN in capitals and without the spaces and hyphens with which people group it."""
    return _SEPARATORS.sub("", tidy_capitals(vin))


class VinFormField(TextFormField):
    def tidy(self, text: str) -> str:
        return normalize_vin(text)


class VinField(LineField[str, str]):
    """A VIN, which is normalized before it is measured, stored or compared."""

    form_field = VinFormField

    @staticmethod
    def tidy(text: str) -> str:
        return normalize_vin(text)


def validate_vin(vin: str, year: int | None = None) -> None:
    """Raise ValidationError unless `vin` is a VIN of that model year, by default of a recent one. Case is ignored."""
    vin = normalize_vin(vin)
    if year is not None and year <= LAST_YEAR_WITHOUT_STANDARD:
        _validate_old(vin)
        return
    if len(vin) != LENGTH:
        raise ValidationError(f"A VIN has 17 characters, not {len(vin)}.", code="invalid_vin")
    if not _SHAPE.fullmatch(vin):
        raise ValidationError("A VIN has only digits and letters, without I, O and Q.", code="invalid_vin")


def _validate_old(vin: str) -> None:
    if not SHORTEST <= len(vin) <= LENGTH:
        raise ValidationError(
            f"A VIN of a model year up to {LAST_YEAR_WITHOUT_STANDARD} has {SHORTEST} to {LENGTH} characters, "
            f"not {len(vin)}.",
            code="invalid_vin",
        )
    if not (vin.isascii() and vin.isalnum()):
        raise ValidationError("A VIN has only digits and letters.", code="invalid_vin")


def check_digit_matches(vin: str) -> bool | None:
    """Return whether the ninth character is the check digit of the others, or None if `vin` is not a VIN."""
    try:
        return bool(Vin(vin).verify_checksum(check_year=False))
    except (VininfoException, TypeError):
        return None


# The tenth character stands for a model year, and begins again after thirty years (49 CFR 565.15, table VII).
_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
_CYCLE = len(_YEARS)


def get_model_year(vin: str, *, latest: int) -> int | None:
    """Return the model year that a VIN states, or None if it states none that is sure.

    The tenth character repeats every thirty years. The seventh one tells which of them it is: a digit up to 2009, a
    letter from 2010 on. That holds for passenger cars and light trucks for North America, whose VINs have a check
    digit, so that a VIN whose check digit does not fit states no year. No vehicle is of a year after `latest`.
    """
    vin = normalize_vin(vin)
    if not check_digit_matches(vin) or vin[9] not in _YEARS:
        return None
    year = 1980 + _YEARS.index(vin[9]) + (0 if vin[6].isdigit() else _CYCLE)
    return year if year <= latest else None
