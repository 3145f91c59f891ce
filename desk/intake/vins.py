"""How a typed VIN reads, and what is wrong with it, in the words of the desk."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils import timezone

from common.domain.types import Json
from vehicles.vin import (
    LAST_YEAR_WITHOUT_STANDARD,
    LENGTH,
    check_digit_matches,
    get_model_year,
    normalize_vin,
    validate_vin,
)

# What a letter that no VIN has was read from.
_LOOKS_LIKE = {"I": "the digit 1", "O": "the digit 0", "Q": "the digit 0 or 9"}


def fault_of(vin: str, year: int | None) -> str:
    """Return what is wrong with a normalized VIN of a model year, "" for nothing or no VIN."""
    try:
        if vin:
            validate_vin(vin, year)
    except ValidationError as error:
        is_old = year is not None and year <= LAST_YEAR_WITHOUT_STANDARD
        return str(error.messages[0]) if is_old else _fault_of_standard(vin)
    return ""


def _fault_of_standard(vin: str) -> str:
    if len(vin) != LENGTH:
        return f"{len(vin)} character{'' if len(vin) == 1 else 's'}; a VIN has {LENGTH}."
    for place, letter in enumerate(vin, 1):
        if digit := _LOOKS_LIKE.get(letter):
            return f"Character {place} is the letter {letter}. A VIN has {digit} there."
        if not (letter.isascii() and letter.isalnum()):
            return f"Character {place} is “{letter}”. A VIN has only digits and letters."
    raise AssertionError("the VIN is right")


def read_vin(text: str, year: str) -> Json:
    """Return how a VIN reads, and what is wrong with it or worth a look."""
    vin = normalize_vin(text)
    model_year = int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None
    read: Json = {"vin": vin, "error": "", "is_odd": False, "is_old": False, "year": None}
    if not vin:
        return read
    if fault := fault_of(vin, model_year):
        return read | {"error": fault, "is_old": 5 <= len(vin) < LENGTH and model_year is None}
    is_standard = model_year is None or model_year > LAST_YEAR_WITHOUT_STANDARD
    stated = year_of(vin)
    return read | {"is_odd": is_standard and not check_digit_matches(vin), "year": stated}


def year_of(vin: str) -> int | None:
    """Return the model year that a VIN states today. Those of the next year are sold already."""
    return get_model_year(vin, latest=timezone.localdate().year + 1)
