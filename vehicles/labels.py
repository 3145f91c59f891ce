"""The label of a vehicle: as a pure function of its columns, and as an expression over them."""

from __future__ import annotations

from django.db.models import CharField, F, Value
from django.db.models.functions import Coalesce, NullIf, Right

_VIN_SHOWN = 8


def unit_label(unit_number: str, license_plate: str, vin: str) -> str:
    """Return the unit number, else the license plate, else the last eight characters of the VIN."""
    return unit_number or license_plate or vin[-_VIN_SHOWN:]


def label_of(path: str = "") -> Coalesce:
    """Return `unit_label` as a database expression. `path` is the lookup of the vehicle (`vehicle__`)."""
    return Coalesce(
        NullIf(F(f"{path}unit_number"), Value("")),
        NullIf(F(f"{path}license_plate"), Value("")),
        Right(F(f"{path}vin"), _VIN_SHOWN),
        output_field=CharField(),
    )
