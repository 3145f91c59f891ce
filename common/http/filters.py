"""django-filter's declarations, read as strictly as every query and compiled like every read.

A `FilterSet` says which parameter filters what; `query_of` turns it into a `Query` (unknown names and wrong values
are refused, Swagger lists it), and `apply` filters a queryset by values or, to compile, by the holes for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import django_filters
from django.db import models
from rest_framework import serializers

from common.domain.types import Json, Values
from common.http.fields import ChoiceList, Day, Id
from common.http.query import ListQuery
from common.reads.bindings import StartOfDay, bind_day
from common.reads.lookups import SameText
from common.reads.serializers import SerializerField

Rows = TypeVar("Rows", bound=models.QuerySet[Any])
Field = SerializerField


class ChoiceListFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """Comma-separated words of a choice."""


class IdFilter(django_filters.NumberFilter):
    """A foreign key by the integer id; one that nobody has is a 404, not an empty list."""

    def __init__(self, model: type[models.Model], field_name: str) -> None:
        self.named = model
        super().__init__(field_name)


class SearchFilter(django_filters.CharFilter):
    """Rows in which a column contains the text, whatever its case: one of their own (under the empty path), or one of
    a row that they name by a foreign key (under its path).

    Each table is searched by itself, so that an index can help (`common.domain.indexes.Trigrams`), and the keys are
    united. An OR across tables would read every row of all of them.
    """

    def __init__(self, columns: Mapping[str, Sequence[str | models.Expression]], **kwargs: Any) -> None:
        self.columns = columns
        super().__init__(**kwargs)

    def filter(self, qs: Any, value: Any) -> Any:
        if list(self.columns) == [""]:
            return _containing(qs, self.columns[""], value)
        rows = qs.model._base_manager
        found = []
        for path, columns in self.columns.items():
            if path:
                named = _containing(_at(qs.model, path)._base_manager.all(), columns, value)
                found.append(rows.filter(**{f"{path}__in": named.values("pk")}).values("pk"))
            else:
                found.append(_containing(rows.all(), columns, value).values("pk"))
        return qs.filter(pk__in=found[0].union(*found[1:]))


def _at(model: Any, path: str) -> Any:
    """The model that a path of foreign keys leads to."""
    for name in path.split("__"):
        model = model._meta.get_field(name).related_model
    return model


def _containing(rows: Any, columns: Sequence[str | models.Expression], value: Any) -> Any:
    found = models.Q()
    for number, column in enumerate(columns):
        name = column
        if not isinstance(column, str):
            name = f"searched_{number}"
            rows = rows.alias(**{name: column})
        found |= models.Q(**{f"{name}__icontains": value})
    return rows.filter(found)


class DayFilter(django_filters.DateFilter):
    """Rows whose instant lies on that day of the project's calendar or later (`gte`), or earlier (`lte`)."""

    def filter(self, qs: Any, value: Any) -> Any:
        if self.lookup_expr == "gte":
            return qs.filter(**{f"{self.field_name}__gte": bind_day(value, StartOfDay())})
        return qs.filter(**{f"{self.field_name}__lt": bind_day(value, StartOfDay(later=1))})


class TextFilter(django_filters.CharFilter):
    """Rows in which a column says the text and no more, whatever its case."""

    def filter(self, qs: Any, value: Any) -> Any:
        return qs.filter(SameText(models.F(self.field_name), value))


def apply(rows: Rows, filterset: type[django_filters.FilterSet], filters: Values) -> Rows:
    """`rows` filtered by those of `filters` that the filterset knows."""
    bound = filterset(queryset=rows).filters
    for name, value in filters.items():
        if name in bound:
            rows = bound[name].filter(rows, value)
    return rows


def query_of(
    filterset: type[django_filters.FilterSet], ordering: Mapping[str, Sequence[str]]
) -> type[ListQuery]:
    """The parameters of a list: paging, the filterset's, and `ordering` by one of the given words."""
    words = [word for name in ordering for word in (name, f"-{name}")]
    fields: Json = {
        "ordering": serializers.ChoiceField(
            choices=words, required=False, help_text="One of them; `-` turns it round."
        )
    }
    for name, declared in filterset.base_filters.items():
        fields[name] = _field(declared)
    named = {name: f.named for name, f in filterset.base_filters.items() if isinstance(f, IdFilter)}
    return type(f"{filterset.__name__}Query", (ListQuery,), {**fields, "named": named})


def order(rows: Rows, ordering: Mapping[str, Sequence[str]], filters: Values, default: str) -> Rows:
    """`rows` in the order that was asked for, with the id as the tail that makes it total."""
    word = filters.get("ordering", default)
    paths = ordering[word.removeprefix("-")]
    turned = [f"-{path}" for path in paths] if word.startswith("-") else list(paths)
    return rows.order_by(*turned, "-id" if word.startswith("-") else "id")


def _field(declared: django_filters.Filter) -> Field:
    help_text = str(declared.extra.get("help_text", ""))
    if isinstance(declared, ChoiceListFilter):
        return ChoiceList(
            [value for value, _ in declared.extra["choices"]], help_text=help_text or "Comma-separated."
        )
    made: Field
    if isinstance(declared, IdFilter):
        made = Id(required=False, help_text=help_text)
    elif isinstance(declared, django_filters.BooleanFilter):
        made = serializers.BooleanField(required=False, help_text=help_text)
    elif isinstance(declared, django_filters.DateFilter):
        made = Day(required=False, help_text=help_text)
    else:
        made = serializers.CharField(required=False, max_length=200, help_text=help_text)
    return made
