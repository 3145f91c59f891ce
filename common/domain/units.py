"""Units of distance, volume and consumption (docs/design, D137).

Values are stored and computed in miles and US gallons. They are converted where a person types or reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import DecimalValidator, MaxValueValidator
from django.db import models

KILOMETERS_IN_A_MILE = Decimal("1.609344")  # exactly, since 1959
LITERS_IN_A_GALLON = Decimal("3.785411784")  # exactly: 231 cubic inches
# The bound of every odometer figure, typed or sent. Vehicles are scrapped before 4 million miles.
MAX_MILES = Decimal("9999999.99")
_TENTH, _HUNDREDTH = Decimal("0.1"), Decimal("0.01")


class Units(models.TextChoices):
    """Units in which a person reads and types. `distance` follows a figure, `word` is for a text without one."""

    IMPERIAL = "imperial", "Miles and gallons"
    METRIC = "metric", "Kilometers and liters"

    @property
    def distance(self) -> str:
        return "km" if self is Units.METRIC else "miles"

    @property
    def symbol(self) -> str:
        return "km" if self is Units.METRIC else "mi"

    @property
    def word(self) -> str:
        return "kilometers" if self is Units.METRIC else "miles"


def paper_units(body: Mapping[str, Any]) -> Units:
    """Return the units that a paper was made with. Without the key `units` they are miles and gallons."""
    return Units(body.get("units") or Units.IMPERIAL)


def from_miles(miles: Decimal, units: Units) -> Decimal:
    """Return a distance in the units: miles as they are, kilometers to a tenth, half up."""
    if units == Units.IMPERIAL:
        return miles
    return (miles * KILOMETERS_IN_A_MILE).quantize(_TENTH, ROUND_HALF_UP)


def whole_figure(miles: Decimal, units: Units) -> Decimal:
    """Return a distance in the units without places, half up."""
    exact = miles if units == Units.IMPERIAL else miles * KILOMETERS_IN_A_MILE
    return exact.quantize(Decimal(1), ROUND_HALF_UP)


def to_miles(figure: Decimal, units: Units) -> Decimal:
    """Return the miles of a figure in the units. Those of kilometers are rounded to a hundredth, half up.

    A hundredth of a mile is 16 meters, so that kilometers with at most one place come back as they were typed.
    """
    if units == Units.IMPERIAL:
        return figure
    return (figure / KILOMETERS_IN_A_MILE).quantize(_HUNDREDTH, ROUND_HALF_UP)


def check_figure(figure: Decimal, units: Units) -> None:
    """Raise ValidationError for a figure above the largest odometer, or with more places than come back."""
    if units == Units.IMPERIAL:
        MaxValueValidator(MAX_MILES)(figure)
        DecimalValidator(None, 2)(figure)
        return
    MaxValueValidator((MAX_MILES * KILOMETERS_IN_A_MILE).quantize(_TENTH, ROUND_FLOOR))(figure)
    if figure % _TENTH:
        raise ValidationError("Enter kilometers with at most one decimal place.", code="max_decimal_places")


# --- What is printed ------------------------------------------------------------------------------------------


def format_distance(miles: Decimal | str, units: Units) -> str:
    """Return a distance with its unit: `62,137.12 miles`, `100,000 km`."""
    return f"{format_figure(miles, units)} {units.distance}"


def format_figure(miles: Decimal | str, units: Units) -> str:
    """Return a distance without its unit, as `format_distance` prints it."""
    return _without_zeros(f"{from_miles(Decimal(miles), units):,f}")


def format_whole(miles: Decimal | str, units: Units) -> str:
    """Return the whole figure of a distance, half up, without its unit: `62,137`, `100,000`."""
    return f"{whole_figure(Decimal(miles), units):,}"


def format_least(miles: Decimal, units: Units) -> str:
    """Return the lowest figure that is not below the miles, with its unit: `100.00 miles`, `161 km`."""
    figure = from_miles(miles, units)
    return _bound(figure if to_miles(figure, units) >= miles else figure + _TENTH, units)


def format_most(miles: Decimal, units: Units) -> str:
    """Return the highest figure that is not above the miles, with its unit."""
    figure = from_miles(miles, units)
    return _bound(figure if to_miles(figure, units) <= miles else figure - _TENTH, units)


def format_volume(gallons: Decimal | str, units: Units) -> str:
    """Return a volume with its unit: `10.5 gallons`, `39.75 L`. Liters are rounded to a hundredth, half up."""
    volume = Decimal(gallons)
    if units == Units.IMPERIAL:
        return f"{_without_zeros(f'{volume:,f}')} gallons"
    liters = (volume * LITERS_IN_A_GALLON).quantize(_HUNDREDTH, ROUND_HALF_UP)
    return f"{_without_zeros(f'{liters:,f}')} L"


def format_consumption(mpg: Decimal | str, units: Units) -> str:
    """Return a consumption with its unit: `30.00 mpg`, `7.8 L/100 km`. 0 mpg has no figure in liters."""
    economy = Decimal(mpg)
    if units == Units.IMPERIAL:
        return f"{economy:,.2f} mpg"
    if not economy:
        return "–"
    liters = 100 * LITERS_IN_A_GALLON / (economy * KILOMETERS_IN_A_MILE)
    return f"{liters.quantize(_TENTH, ROUND_HALF_UP):,} L/100 km"


def _bound(figure: Decimal, units: Units) -> str:
    """Return a figure as an error prints it. Those in miles are part of the APIs and print both places."""
    text = f"{figure}" if units == Units.IMPERIAL else _without_zeros(f"{figure:,f}")
    return f"{text} {units.distance}"


def _without_zeros(text: str) -> str:
    """Return a number without the zeros behind its last place."""
    return text.rstrip("0").rstrip(".") if "." in text else text
