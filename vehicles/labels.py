"""The label of a vehicle: as a pure function of its columns, and as an expression over them."""

from __future__ import annotations

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Right

_VIN_SHOWN = 8


def unit_label(unit_number: str, license_plate: str, vin: str, pk: int) -> str:
    """Return the unit number, else the plate, else the last eight characters of the VIN, else `Vehicle` and the id."""
    return unit_number or license_plate or vin[-_VIN_SHOWN:] or f"Vehicle {pk}"


def label_of(path: str = "") -> Coalesce:
    """Return `unit_label` as a database expression. `path` is the lookup of the vehicle (`vehicle__`)."""
    return Coalesce(
        NullIf(F(f"{path}unit_number"), Value("")),
        NullIf(F(f"{path}license_plate"), Value("")),
        NullIf(Right(F(f"{path}vin"), _VIN_SHOWN), Value("")),
        Concat(Value("Vehicle "), Cast(F(f"{path}id"), CharField())),
        output_field=CharField(),
    )
