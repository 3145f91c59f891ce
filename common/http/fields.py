"""Serializer fields that the contracts share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.domain import ids
from common.domain.money import format_percent
from common.domain.number_fields import how_to_write

if TYPE_CHECKING:
    from rest_framework.validators import Validator  # which only the stubs have

MAX_ID = 2**63 - 1  # the largest integer of both databases


class FieldOptions(TypedDict, total=False):
    """The options of a DRF field that the contracts use."""

    required: bool
    read_only: bool
    write_only: bool
    allow_null: bool
    source: str
    help_text: str


class NumberOptions(FieldOptions, total=False):
    min_value: int
    max_value: int


class AmountOptions(FieldOptions, total=False):
    min_value: int | Decimal
    max_value: int | Decimal


class TextOptions(TypedDict, total=False):
    """The options of an optional text, which is never required."""

    source: str
    help_text: str
    max_length: int
    validators: Sequence[Validator[str]]


class Instant(serializers.DateTimeField):
    """An instant, written in UTC with `Z`, independent of `TIME_ZONE`."""

    def __init__(self, **options: Unpack[FieldOptions]) -> None:
        super().__init__(default_timezone=UTC, **options)


class LocalInstant(Instant):
    """An instant of a body. Without a time zone it is left naive, as a local time of the place that the body names."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return value if timezone.is_naive(value) else super().enforce_timezone(value)


class Number(serializers.IntegerField):
    """A whole number of a query, digits only. DRF also accepts `1_0`, `+1`, `1.0` and `١`."""

    def to_internal_value(self, data: object) -> int:
        if not re.fullmatch("-?[0-9]+", str(data)):
            self.fail("invalid")
        return super().to_internal_value(str(data))


@extend_schema_field(OpenApiTypes.STR)
class EpochMilliseconds(Instant):
    """An instant of a query, as ISO 8601 or in milliseconds since 1970. Validated to milliseconds.

    Without a zone it is UTC. A day is its first millisecond, or its last as an `upper` bound, which is inclusive.
    """

    def __init__(self, *, upper: bool = False, **options: Unpack[FieldOptions]) -> None:
        self.upper = upper
        super().__init__(**options)

    def to_internal_value(self, value: object) -> int:  # type: ignore[override]  # milliseconds, not a datetime
        text = str(value)
        if re.fullmatch("[0-9]{1,15}", text):
            return int(text)
        if not re.match(
            "[0-9]{4}-[0-9]{2}-[0-9]{2}", text
        ):  # Python also accepts weeks and dates without hyphens
            self.fail("invalid", format="ISO 8601 or milliseconds since 1970")
        is_day = len(text) == len("2024-01-01")
        first = (super().to_internal_value(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            milliseconds=1
        )
        return first + (86_400_000 - 1 if self.upper and is_day else 0)


class Day(serializers.DateField):
    """A calendar day as YYYY-MM-DD. Python also accepts `20250917`, `2025-W38-3` and other digits."""

    def to_internal_value(self, value: object) -> date:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(str(value))


@extend_schema_field({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"})
class Month(serializers.DateField):
    """A calendar month as YYYY-MM. Its value is its first day."""

    def to_internal_value(self, value: object) -> date:
        if not re.fullmatch("(19|20|21)[0-9]{2}-[0-9]{2}", str(value)):
            self.fail("invalid", format="YYYY-MM")
        return super().to_internal_value(f"{value}-01")


class Id(serializers.IntegerField):
    """A public integer id within the range of the databases."""

    def __init__(self, **options: Unpack[NumberOptions]) -> None:
        options.setdefault("min_value", 1)
        options.setdefault("max_value", MAX_ID)
        super().__init__(**options)


class PrefixedId(serializers.CharField):
    """A public id like `ORD123`, a prefix and an integer. Validated to the integer."""

    default_error_messages = {"not_an_id": "Must be an id like {example}."}

    def __init__(self, prefix: str, **options: Unpack[FieldOptions]) -> None:
        self.prefix = prefix
        super().__init__(**options)

    def to_internal_value(self, data: object) -> int:  # type: ignore[override]  # the integer behind it
        number = ids.parse_id(self.prefix, data.strip()) if isinstance(data, str) else None
        if number is None:
            self.fail("not_an_id", example=ids.format_id(self.prefix, 123))
        return number

    def to_representation(self, value: Any) -> str:
        return ids.format_id(self.prefix, value)


class PublicId(serializers.UUIDField):
    """A uuid as text with hyphens. DRF also accepts 71, `{…}` and `urn:uuid:…`."""

    def to_internal_value(self, data: object) -> UUID:
        if not isinstance(data, str) or not re.fullmatch(
            "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", data
        ):
            self.fail("invalid", value=data)
        return UUID(data)


class StrictBoolean(serializers.BooleanField):
    """True or false in a body. DRF also accepts `"yes"`, 1 and the like."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DecimalNumber(serializers.DecimalField):
    """A number with decimals behind a point. One with a comma is refused with how to write it."""

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError:
            if isinstance(data, str) and "," in data:
                raise serializers.ValidationError(how_to_write(data), code="invalid") from None
            raise


class Money(DecimalNumber):
    """Dollars and cents, at most 99,999,999.99. Written as a string, or as a JSON number with `as_number`."""

    def __init__(self, *, as_number: bool = False, **options: Unpack[AmountOptions]) -> None:
        self.as_number = as_number
        super().__init__(max_digits=10, decimal_places=2, coerce_to_string=not as_number, **options)

    def to_representation(self, value: Decimal) -> Any:
        text = super().to_representation(value)
        return float(text) if self.as_number and text is not None else text


class FineDecimal(DecimalNumber):
    """A number with up to four places, written with at least two and no further zeros at the end: 8.25, 8.875."""

    trims_zeros = True  # the read compiler must not write the places of the column

    def __init__(self, *, max_digits: int = 7, **options: Unpack[AmountOptions]) -> None:
        super().__init__(max_digits=max_digits, decimal_places=4, **options)

    def to_representation(self, value: Decimal) -> str:
        return format_percent(value)


class FinePercent(FineDecimal):
    """0 to 100 with up to four places."""

    def __init__(self, **options: Unpack[AmountOptions]) -> None:
        options.setdefault("min_value", 0)
        options.setdefault("max_value", 100)
        super().__init__(**options)


class Miles(DecimalNumber):
    """A distance with two places, written as a JSON number."""

    as_number = True

    def __init__(self, **options: Unpack[FieldOptions]) -> None:
        super().__init__(max_digits=9, decimal_places=2, min_value=0, coerce_to_string=False, **options)

    def to_representation(self, value: Decimal) -> Any:
        return float(super().to_representation(value))


@extend_schema_field({"type": "number", "minimum": 0.01, "maximum": 10000})
class Quantity(DecimalNumber):
    """A quantity above 0 with up to two places, written as a JSON number: 2 or 4.5."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_digits=7,
            decimal_places=2,
            min_value=Decimal("0.01"),
            max_value=10_000,
            coerce_to_string=False,
            **options,
        )

    def to_representation(self, value: Decimal) -> int | float:  # type: ignore[override]  # a JSON number
        whole = int(value)
        return whole if whole == value else float(value)


class OptionalText(serializers.CharField):
    """Optional text of a body. Not sent, null and "" are all the empty text."""

    def __init__(self, **options: Unpack[TextOptions]) -> None:
        super().__init__(default="", allow_blank=True, allow_null=True, **options)

    def validate_empty_values(self, data: object) -> tuple[bool, object]:
        return super().validate_empty_values("" if data is None else data)


class TextList(serializers.CharField):
    """A comma-separated query value. Validated to the texts in it, without empty ones."""

    def to_internal_value(self, data: str) -> list[str]:  # type: ignore[override]  # the texts in it
        return [text.strip() for text in super().to_internal_value(data).split(",") if text.strip()]


class Degrees(serializers.FloatField):
    """A coordinate of a query like `-74.0060`, between `-limit` and `limit` degrees.

    Python's `float` also accepts `nan`, `inf` and `1_0`.
    """

    def __init__(self, *, limit: int, **options: Unpack[FieldOptions]) -> None:
        super().__init__(min_value=-limit, max_value=limit, **options)

    def to_internal_value(self, data: object) -> float:
        if not re.fullmatch("-?[0-9]{1,3}([.][0-9]{0,20})?", str(data)):
            self.fail("invalid")
        return super().to_internal_value(str(data))


class Word(serializers.ChoiceField):
    """One of `choices` in a body, in any case and with `-` or `_`. Validated to the choice as it is declared."""

    def to_internal_value(self, data: Any) -> str:
        known = {_fold(str(choice)): choice for choice in self.choices}
        return str(super().to_internal_value(known.get(_fold(data), data) if isinstance(data, str) else data))


def _fold(word: str) -> str:
    return word.strip().lower().replace("-", "_")


class NumberList(serializers.CharField):
    """Whole numbers above 0 of a query, separated by commas. Validated to the list of them."""

    def to_internal_value(self, data: str) -> list[int]:  # type: ignore[override]  # the numbers in it
        words = [word.strip() for word in super().to_internal_value(data).split(",") if word.strip()]
        if not all(re.fullmatch("[1-9][0-9]{0,17}", word) for word in words):
            raise serializers.ValidationError("Must be whole numbers, separated by commas.", code="invalid")
        return [int(word) for word in words]


class ChoiceList(serializers.ListField):
    """A comma-separated query value, each word one of `choices` in any case, with `-` or `_`.

    Validated to a list without repetitions, in the given order.
    """

    def __init__(self, choices: list[str], *, help_text: str = "") -> None:
        self.choices = list(choices)
        super().__init__(
            child=serializers.ChoiceField(choices=self.choices), required=False, help_text=help_text
        )

    def to_internal_value(self, data: object) -> list[str]:
        words = [_fold(word) for word in str(data).split(",") if word.strip()]
        if not words:  # only commas, which is neither an unset parameter nor a choice
            raise serializers.ValidationError(
                f"Name at least one of {', '.join(self.choices)}.", code="empty"
            )
        for word in words:
            if word not in self.choices:
                raise serializers.ValidationError(
                    f'"{word}" is not one of {", ".join(self.choices)}.', code="invalid_choice"
                )
        return list(dict.fromkeys(words))
