"""Filters declared with django-filter, validated like every query and compiled like every read.

A `FilterSet` declares which parameter filters what. `query_of` makes a `Query` of it, which refuses unknown names and
wrong values. `apply` filters a queryset by values or, to compile, by the `Param`s for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import django_filters
from django.db import models
from rest_framework import serializers

from common.domain.search import fits
from common.domain.types import AnyQuerySet, Json, Values
from common.http.fields import ChoiceList, Day, Id
from common.http.query import ListQuery, StaffListQuery
from common.reads.bindings import StartOfDay, bind_day, bind_search
from common.reads.columns import model_at
from common.reads.lookups import SameText
from common.reads.serializers import SerializerField

Rows = TypeVar("Rows", bound=AnyQuerySet)
Field = SerializerField


class ChoiceListFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """Rows in which a column is one of some comma-separated choices."""


class IdFilter(django_filters.NumberFilter):
    """Rows with a foreign key to an integer id. An id of no row is a 404, not an empty list."""

    def __init__(self, model: type[models.Model], field_name: str) -> None:
        self.named = model
        super().__init__(field_name)


class SearchFilter(django_filters.CharFilter):
    """Rows found by a search (docs/design, D56).

    `paths` are foreign keys to models with a `SEARCHED`. The empty path is the row itself. Each table is searched by
    itself, so that an index can help (`common.domain.indexes.Trigrams`), and the keys are united. An OR across tables
    would read every row of all of them.
    """

    def __init__(self, *paths: str, help_text: str = "") -> None:
        self.paths = paths
        super().__init__(help_text=help_text)

    def filter(self, qs: AnyQuerySet, value: object) -> AnyQuerySet:
        if self.paths == ("",):
            return qs.filter(_found(qs.model, value))
        rows = qs.model._base_manager
        found = []
        for path in self.paths:
            if path:
                model = model_at(qs.model, path)
                named = model._base_manager.filter(_found(model, value))
                found.append(rows.filter(**{f"{path}__in": named.values("pk")}).values("pk"))
            else:
                found.append(rows.filter(_found(qs.model, value)).values("pk"))
        return qs.filter(pk__in=found[0].union(*found[1:]))


def _found(model: Any, value: object) -> models.Q:
    return fits(model.SEARCHED, bind_search(value))


class DayFilter(django_filters.DateFilter):
    """Rows whose instant is on or after a day of the project's time zone (`gte`), or on or before it (`lte`)."""

    def filter(self, qs: AnyQuerySet, value: object) -> AnyQuerySet:
        if self.lookup_expr == "gte":
            return qs.filter(**{f"{self.field_name}__gte": bind_day(value, StartOfDay())})
        return qs.filter(**{f"{self.field_name}__lt": bind_day(value, StartOfDay(later=1))})


class TextFilter(django_filters.CharFilter):
    """Rows in which a column equals the text, regardless of case."""

    def filter(self, qs: AnyQuerySet, value: object) -> AnyQuerySet:
        return qs.filter(SameText(models.F(self.field_name), value))


def apply(rows: Rows, filterset: type[django_filters.FilterSet], filters: Values) -> Rows:
    """Return `rows` filtered by those of `filters` that the filterset declares."""
    bound = filterset(queryset=rows).filters
    for name, value in filters.items():
        if name in bound:
            rows = bound[name].filter(rows, value)
    return rows


def query_of(
    filterset: type[django_filters.FilterSet],
    ordering: Mapping[str, Sequence[str]],
    base: type[ListQuery] = StaffListQuery,
) -> type[ListQuery]:
    """Return the parameters of a list: paging, those of the filterset, and `ordering` by one of the given words."""
    words = [word for name in ordering for word in (name, f"-{name}")]
    fields: Json = {
        "ordering": serializers.ChoiceField(
            choices=words,
            required=False,
            help_text="Order of the rows by one of these words. `-` reverses it.",
        )
    }
    for name, declared in filterset.base_filters.items():
        fields[name] = _field(declared)
    named = {name: f.named for name, f in filterset.base_filters.items() if isinstance(f, IdFilter)}
    return type(f"{filterset.__name__}Query", (base,), {**fields, "named": named})


def order(rows: Rows, ordering: Mapping[str, Sequence[str]], filters: Values, default: str) -> Rows:
    """Return `rows` in the requested order, with the id as its last key, which makes it total."""
    word = filters.get("ordering", default)
    paths = ordering[word.removeprefix("-")]
    reversible = [f"-{path}" for path in paths] if word.startswith("-") else list(paths)
    return rows.order_by(*reversible, "-id" if word.startswith("-") else "id")


def _field(declared: django_filters.Filter) -> Field:
    help_text = str(declared.extra.get("help_text", ""))
    if isinstance(declared, ChoiceListFilter):
        return ChoiceList([value for value, _ in declared.extra["choices"]], help_text=help_text)
    field: Field
    if isinstance(declared, IdFilter):
        field = Id(required=False, help_text=help_text)
    elif isinstance(declared, django_filters.BooleanFilter):
        field = serializers.BooleanField(required=False, help_text=help_text)
    elif isinstance(declared, django_filters.DateFilter):
        field = Day(required=False, help_text=help_text)
    else:
        field = serializers.CharField(required=False, max_length=200, help_text=help_text)
    return field
