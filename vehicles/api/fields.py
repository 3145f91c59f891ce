"""Fields of the bodies of vehicles."""

from __future__ import annotations

from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from vehicles.models import FIRST_YEAR, LAST_YEAR
from vehicles.vin import LAST_YEAR_WITHOUT_STANDARD, validate_vin


class Vin(serializers.CharField):
    """A VIN, or "" for none. It is checked against the `year` of the same body.

    In a partial body without a valid year, a VIN of any year is left to the action, which knows the stored year.
    """

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(required=required, allow_blank=True)

    def to_internal_value(self, data: Any) -> str:
        vin = super().to_internal_value(data)
        year = _year(self.parent.initial_data.get("year"))
        if vin and not (year is None and self.parent.partial and _is_valid(vin, LAST_YEAR_WITHOUT_STANDARD)):
            try:
                validate_vin(vin, year)
            except ValidationError as error:
                raise serializers.ValidationError(error.messages) from None
        return vin


class RoundedMixin(serializers.DecimalField):
    """Round a number of a body to the places of the field. Applications compute with floating point numbers."""

    def validate_precision(self, value: Decimal) -> Decimal:
        assert self.decimal_places is not None
        with suppress(InvalidOperation):  # too many digits, which the field refuses
            value = value.quantize(Decimal(1).scaleb(-self.decimal_places), ROUND_HALF_UP)
        return super().validate_precision(value)


class Degrees(RoundedMixin):
    """A coordinate with six places between `-limit` and `limit` degrees, written as a JSON number."""

    as_number = True

    def __init__(self, *, limit: int, **options: Any) -> None:
        super().__init__(
            max_digits=9,
            decimal_places=6,
            min_value=-limit,
            max_value=limit,
            coerce_to_string=False,
            **options,
        )

    def to_representation(self, value: Decimal) -> Any:
        return float(super().to_representation(value))


def _is_valid(vin: str, year: int) -> bool:
    try:
        validate_vin(vin, year)
    except ValidationError:
        return False
    return True


def _year(value: object) -> int | None:
    try:
        year = int(value) if isinstance(value, int | str) else None
    except ValueError:
        return None
    return year if year is not None and FIRST_YEAR <= year <= LAST_YEAR else None
