"""Functions that format a column's value as a serializer field would, without the field where it can be left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from django.db import models
from rest_framework import serializers

from common.domain.types import AnyModelField
from common.reads.serializers import SerializerField

Formatter: TypeAlias = Callable[[Any], object]


def is_formatted(field: SerializerField) -> bool:
    """Return whether orjson formats every value of such a field as the field would."""
    return (
        isinstance(field, serializers.UUIDField)
        and _is_plain(field, serializers.UUIDField)
        and (field.uuid_format == "hex_verbose")
    )


def formatter(field: SerializerField, stored: AnyModelField | None = None) -> Formatter:
    """Return the field's formatting, or a faster function with the same result for text, choices and decimals."""
    if _is_plain(field, serializers.CharField):
        return str
    if isinstance(field, serializers.ChoiceField) and _is_plain(field, serializers.ChoiceField):
        return str if all(isinstance(c, str) for c in field.choices) else field.to_representation
    if isinstance(field, serializers.DictField) and _is_plain(field, serializers.DictField):
        return _dict_formatter(field)
    if isinstance(field, serializers.ListField) and _is_plain(field, serializers.ListField):
        return _list_formatter(field)
    if isinstance(field, serializers.DecimalField) and not getattr(field, "trims_zeros", False):
        return _decimal_formatter(field, stored)
    return field.to_representation


def _is_plain(field: SerializerField, kind: type[SerializerField]) -> bool:
    """Return whether a field formats as DRF's `kind` does, and not in a way of its own."""
    return type(field).to_representation is kind.to_representation


def _decimal_formatter(field: serializers.DecimalField, stored: AnyModelField | None) -> Formatter:
    slow: Formatter = field.to_representation
    fast: Formatter = float if getattr(field, "as_number", False) else str
    if fast is str and not getattr(field, "coerce_to_string", True):
        return slow
    places = field.decimal_places or 0
    # A column always has its places. Python writes zero with more than six of them as an exponent.
    if isinstance(stored, models.DecimalField) and stored.decimal_places == places and 0 < places <= 6:
        return fast
    point = -places - 1

    def format_decimal(value: object) -> object:
        text = str(value)
        if text[point : point + 1] != ".":
            return slow(value)
        return text if fast is str else fast(text)

    return format_decimal


def _dict_formatter(field: serializers.DictField) -> Formatter:
    """Return a dict of text to text, or of text to booleans, unchanged."""
    kind = type(field.child).to_representation
    simple = {serializers.CharField.to_representation: str, serializers.BooleanField.to_representation: bool}
    if kind not in simple:
        return field.to_representation
    child, is_text = {simple[kind]}, {str}

    def format_dict(value: Any) -> object:
        is_simple = set(map(type, value)) <= is_text and set(map(type, value.values())) <= child
        return value if is_simple else field.to_representation(value)

    return format_dict


def _list_formatter(field: serializers.ListField) -> Formatter:
    """Return a list of values that need no formatting unchanged."""
    if is_formatted(field.child):
        return list
    is_text = {str}
    if not _is_plain(field.child, serializers.CharField):
        return field.to_representation
    return lambda value: value if set(map(type, value)) <= is_text else field.to_representation(value)
