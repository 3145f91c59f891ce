"""Columns that several tables of vehicles have."""

from __future__ import annotations

from typing import Any

from django.db import models


def miles_field(**options: Any) -> models.DecimalField[Any, Any]:
    """Return the column of an odometer's figure, 0 to 9,999,999.99 miles."""
    return models.DecimalField(max_digits=9, decimal_places=2, **options)
