"""Classes that declare compiled bodies: DRF's generic ones, values computed from columns, the time of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.utils import timezone
from rest_framework import serializers

from common.domain.texts import LONGEST_LINE, tidy, tidy_email, validate_line

SerializerField: TypeAlias = serializers.Field[Any, Any, Any, Any]
AnySerializer: TypeAlias = serializers.Serializer[Any]
ListSerializer: TypeAlias = serializers.ListSerializer[Any]


MOST_NAMED = 20  # choices in a message


class Serializer(serializers.Serializer[Any]):
    """A body or the parameters of a query, whose texts are made tidy before they are validated (docs/design, D55).

    A text that takes at most LONGEST_LINE characters is one line. A text whose spaces are not trimmed, such as a
    password, is passed on as it was sent.
    """

    def get_fields(self) -> dict[str, SerializerField]:
        fields = super().get_fields()
        for field in fields.values():
            text = getattr(field, "child", field)
            if isinstance(text, serializers.ChoiceField):
                _name_choices(text)
            if not isinstance(text, serializers.CharField) or not text.trim_whitespace:
                continue
            if (text.max_length or 0) <= LONGEST_LINE:
                text.validators = [*text.validators, _validate_lines]
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            tidied = {name: _tidy(field, data[name]) for name, field in self.fields.items() if name in data}
            data = {**data, **tidied}
        return super().to_internal_value(data)


def _name_choices(field: serializers.ChoiceField) -> None:
    """Let the usual message of a wrong choice say which ones are right."""
    if field.error_messages["invalid_choice"] != field.default_error_messages["invalid_choice"]:
        return
    words = [str(choice) for choice in field.choices if choice != ""]
    if len(words) <= MOST_NAMED:
        named = ", ".join(words).replace("{", "{{").replace("}", "}}")
        field.error_messages["invalid_choice"] = f'"{{input}}" is not a valid choice. Choose one of: {named}.'


def _validate_lines(value: object) -> None:
    """Raise ValidationError unless a text, or each text of a list, is one line."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            validate_line(text)


def _tidy(field: SerializerField, value: object) -> object:
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return [_tidy(field.child, item) for item in value]
    if (
        not isinstance(value, str)
        or not isinstance(field, serializers.CharField)
        or not field.trim_whitespace
    ):
        return value
    return tidy_email(value) if isinstance(field, serializers.EmailField) else tidy(value)


class Derived(SerializerField):
    """A value computed from others by a pure function, formatted by `output`.

    `paths` are dotted. One that runs through a list (`part_lines.quantity`) yields a list of values. Another `Derived`
    in place of a path passes its result, which is computed once per row however many fields share it.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *paths: str | Derived,
        output: SerializerField,
    ) -> None:
        self.function = function
        self.paths = tuple(paths)
        # DRF copies fields. Two copies compute the same when function and paths are the same.
        self.key: tuple[object, ...] = (function, *(p.key if isinstance(p, Derived) else p for p in paths))
        self.output = output
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: object) -> object:
        result = self.compute(value)
        return None if result is None else self.output.to_representation(result)

    def compute(self, value: object) -> object:
        """Return the result for an object, before it is formatted."""
        return self.function(
            *(
                path.compute(value) if isinstance(path, Derived) else follow(value, path.split("."))
                for path in self.paths
            )
        )


def follow(value: object, path: list[str]) -> object:
    """Walk `path` from an object: None stays None, a related manager fans out into a list."""
    for depth, name in enumerate(path):
        if value is None:
            return None
        value = getattr(value, name)
        if hasattr(value, "all"):
            return [follow(item, path[depth + 1 :]) for item in value.all()]
    return value


class AskedAt(serializers.HiddenField):
    """The time of the request, for a list that depends on it. No client can send it."""

    def __init__(self) -> None:
        # The clock is looked up at each request: the field is made once, and a test may replace the clock later.
        super().__init__(default=lambda: timezone.now())
