"""Serializer fields that every contract spells with."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.domain import ids

MAX_ID = 2**63 - 1  # what both databases' integers hold


class Instant(serializers.DateTimeField):
    """An instant, written in UTC with `Z` whatever `TIME_ZONE` says."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)


class Number(serializers.IntegerField):
    """A whole number as a query writes it: digits alone. Python's `int` also takes `1_0`, `+1`, `1.0` and `١`."""

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch("-?[0-9]+", str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class EpochMilliseconds(Instant):
    """An instant in a query, as ISO 8601 or in milliseconds since 1970; validated: the milliseconds.

    Without a zone it is UTC. A day alone is its first millisecond; as an `upper` bound, which is inclusive, its last.
    """

    def __init__(self, *, upper: bool = False, **kwargs: Any) -> None:
        self.upper = upper
        super().__init__(**kwargs)

    def to_internal_value(self, value: Any) -> int:  # type: ignore[override]  # milliseconds, not a datetime
        text = str(value)
        if re.fullmatch("[0-9]{1,15}", text):
            return int(text)
        if not re.match(
            "[0-9]{4}-[0-9]{2}-[0-9]{2}", text
        ):  # Python also takes weeks and dates without hyphens
            self.fail("invalid", format="ISO 8601 or milliseconds since 1970")
        is_day = len(text) == len("2024-01-01")
        first = (super().to_internal_value(value) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            milliseconds=1
        )
        return first + (86_400_000 - 1 if self.upper and is_day else 0)


class Day(serializers.DateField):
    """A calendar day as YYYY-MM-DD and nothing else. Python also takes `20250917`, `2025-W38-3` and other digits."""

    def to_internal_value(self, value: Any) -> date:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


@extend_schema_field({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"})
class Month(serializers.DateField):
    """A calendar month as YYYY-MM; its value is its first day."""

    def to_internal_value(self, value: Any) -> date:
        if not re.fullmatch("(19|20|21)[0-9]{2}-[0-9]{2}", str(value)):
            self.fail("invalid", format="YYYY-MM")
        return super().to_internal_value(f"{value}-01")


class Id(serializers.IntegerField):
    """A public integer id; anything that cannot be one is refused before the database sees it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MAX_ID} | kwargs)


class PrefixedId(serializers.CharField):
    """A public id as `ORD123`: a prefix and the integer. Validated: the integer."""

    default_error_messages = {"not_an_id": "Must be an id like {example}."}

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:  # type: ignore[override]  # the integer behind it
        number = ids.parse_id(self.prefix, data.strip()) if isinstance(data, str) else None
        if number is None:
            self.fail("not_an_id", example=ids.format_id(self.prefix, 123))
        return number

    def to_representation(self, value: Any) -> str:
        return ids.format_id(self.prefix, value)


class PublicId(serializers.UUIDField):
    """A uuid as text, hyphens and all. DRF also takes 71, `{…}` and `urn:uuid:…`."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not re.fullmatch(
            "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", data
        ):
            self.fail("invalid", value=data)
        return UUID(data)


class StrictBoolean(serializers.BooleanField):
    """True or false itself, in a body. DRF also takes `"yes"`, 1 and their like."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Money(serializers.DecimalField):
    """Dollars and cents, at most 99,999,999.99. Written as a string; `as_number` writes a JSON number."""

    def __init__(self, *, as_number: bool = False, **kwargs: Any) -> None:
        self.as_number = as_number
        super().__init__(max_digits=10, decimal_places=2, coerce_to_string=not as_number, **kwargs)

    def to_representation(self, value: Any) -> Any:
        written = super().to_representation(value)
        return float(written) if self.as_number and written is not None else written


class Miles(serializers.DecimalField):
    """A distance with two places, written as a JSON number."""

    as_number = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=10, decimal_places=2, min_value=0, coerce_to_string=False, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return float(super().to_representation(value))


class Percent(serializers.DecimalField):
    """0 to 100 with two places, written as a string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=5, decimal_places=2, min_value=0, max_value=100, **kwargs)


class OptionalText(serializers.CharField):
    """Text of a body that may be left out: not sent, null and "" are all the empty text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default="", allow_blank=True, allow_null=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values("" if data is None else data)


class TextList(serializers.CharField):
    """A comma-separated query value. Validated: the texts in it, without the empty ones."""

    def to_internal_value(self, data: Any) -> list[str]:  # type: ignore[override]
        return [text.strip() for text in super().to_internal_value(data).split(",") if text.strip()]


class Degrees(serializers.FloatField):
    """A coordinate as a query writes it: `-74.0060`. Python's `float` also takes `nan`, `inf` and `1_0`.
    At most `limit` degrees either way.
    """

    def __init__(self, *, limit: int, **kwargs: Any) -> None:
        super().__init__(min_value=-limit, max_value=limit, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if not re.fullmatch("-?[0-9]{1,3}([.][0-9]{0,20})?", str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class ChoiceList(serializers.ListField):
    """A comma-separated query value, each word one of `choices` in any case, with `-` or `_`.

    Validated: a list without repetitions, in the given order.
    """

    def __init__(self, choices: list[str], **kwargs: Any) -> None:
        self.choices = list(choices)
        super().__init__(child=serializers.ChoiceField(choices=self.choices), required=False, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        words = [word.strip().lower().replace("-", "_") for word in str(data).split(",") if word.strip()]
        if not words:  # nothing but commas: neither unset nor a list of nothing
            raise serializers.ValidationError(
                f"Name at least one of {', '.join(self.choices)}.", code="empty"
            )
        for word in words:
            if word not in self.choices:
                raise serializers.ValidationError(
                    f'"{word}" is not one of {", ".join(self.choices)}.', code="invalid_choice"
                )
        return list(dict.fromkeys(words))
