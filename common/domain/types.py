"""Aliases for generic types whose arguments are not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from django.db.models import Field, QuerySet

Json: TypeAlias = dict[str, Any]  # a JSON object
Values: TypeAlias = Mapping[str, Any]  # values by name: filters, validated input, columns
AnyQuerySet: TypeAlias = QuerySet[Any]
AnyModelField: TypeAlias = Field[Any, Any]
