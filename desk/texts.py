"""Texts of people within sentences of the page."""

from __future__ import annotations

from unicodedata import bidirectional

from vehicles.models import Vehicle

_ISOLATE, _END = "\u2068", "\u2069"


def isolate(text: str) -> str:
    """Return a text that leaves the order of the words around it as it is.

    Right-to-left letters, such as those of an Arabic or a Hebrew name, would draw numbers and names behind them to
    their own left.
    """
    is_right_to_left = any(bidirectional(letter) in ("R", "AL") for letter in text)
    return f"{_ISOLATE}{text}{_END}" if is_right_to_left else text


def car_name(vehicle: Vehicle) -> str:
    """Return a vehicle as people call it, without the number of its row: `2016 Ford F-150`, with the plate if known."""
    is_labelled = vehicle.unit_number or vehicle.license_plate or vehicle.vin
    return str(vehicle) if is_labelled else f"{vehicle.year} {vehicle.make} {vehicle.model}"
