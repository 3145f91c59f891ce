"""Filters of the admin's lists. A value that a filter does not know is refused with a message, not ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter
from unfold.contrib.filters.admin.mixins import RangeNumericMixin
from unfold.views import ChangeList

from common.admin.parameters import is_number
from common.domain.days import midnight, within_calendar
from common.domain.number_fields import without_commas
from common.domain.types import AnyQuerySet, Json

_ORDER = re.compile(r"-?[0-9]{1,3}(\.-?[0-9]{1,3})*")


class DayRangeFilter(RangeDateFilter):
    """Filters rows from a day to a day, both whole. The days are those of the project's time zone."""

    zone = settings.TIME_ZONE

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        if isinstance(field, DateTimeField):
            self.title = f"{field.verbose_name} ({self.zone})"

    def queryset(self, request: HttpRequest, queryset: AnyQuerySet) -> AnyQuerySet:
        first, last = (self._day(f"{self.field_path}_{end}") for end in ("from", "to"))
        return self.within(queryset, first, last)

    def within(self, queryset: AnyQuerySet, first: date | None, last: date | None) -> AnyQuerySet:
        """Return the rows from the first to the last day, inclusive. None leaves an end open."""
        is_instant = isinstance(self.field, DateTimeField)
        bounds: Json = {}
        if first is not None:
            bounds[f"{self.field_path}__gte"] = midnight(first) if is_instant else first
        if last is not None:
            after = within_calendar(last) + timedelta(days=1)
            bounds[f"{self.field_path}__lt"] = midnight(after) if is_instant else after
        return queryset.filter(**bounds)

    def _day(self, name: str) -> date | None:
        text = self.used_parameters.get(name)
        try:
            day: date | None = forms.DateField(required=False).clean(text)
            return day
        except ValidationError:
            raise IncorrectLookupParameters(f"{name}: {text!r} is not a date like 2024-12-31.") from None


class NumberRangeFilter(RangeNumericFilter):
    """Filters rows from a number to a number. A comma may group three digits, as in the admin's forms."""

    def init_used_parameters(self, params: Json) -> None:
        super().init_used_parameters(params)
        for name, text in self.used_parameters.items():
            self.used_parameters[name] = _number(name, str(text))


class StrictChangeList(ChangeList):
    """A list that refuses unknown parameters and values, as the API does (docs/design, D12).

    Django ignores the value of a filter that matches no choice and shows all rows, as if they matched.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        for name, value in request.GET.items():
            refuse_pattern(name)
            _refuse_wrong_place(name, str(value))
        try:
            found = super().get_filters(request)
        except (ValueError, OverflowError) as error:  # a year without a next one
            raise IncorrectLookupParameters(f"{self.date_hierarchy}: {error}") from error
        specs, _, others, *_ = found
        for spec in specs:
            refuse_unknown_values(spec, request)
        read = {*others, *(name for spec in specs for name in spec.expected_parameters())}
        for name in self.get_filters_params():
            # A filter with less than two choices reads its parameter, and is then left out.
            if name not in read and not name.startswith(f"{self.date_hierarchy}__"):
                raise IncorrectLookupParameters(f"{name}: there is nothing to choose from.")
        return found


def refuse_unknown_values(spec: Any, request: HttpRequest) -> None:
    """Raise IncorrectLookupParameters if a parameter of the filter has a value that is none of its choices."""
    known = _choices(spec)
    for name in spec.expected_parameters():
        for value in request.GET.getlist(name or ""):
            if isinstance(spec, RangeNumericMixin) and value:
                _refuse_unless_number(name, value)
            elif known is not None and value and value not in known and not str(name).endswith("__isnull"):
                raise IncorrectLookupParameters(f"{name}: {value!r} is not one of {', '.join(known)}.")


def refuse_pattern(name: str) -> None:
    """Raise IncorrectLookupParameters for a lookup by regular expression, which can run for minutes or be invalid."""
    if {"regex", "iregex"} & {*name.split("__")}:
        raise IncorrectLookupParameters(f"{name}: regular expressions are not allowed.")


def _refuse_wrong_place(name: str, value: str) -> None:
    """Raise IncorrectLookupParameters for the number of a page or of columns to order by that is none."""
    if name == PAGE_VAR and not is_number(value):
        raise IncorrectLookupParameters(f"{name}: {value!r} is not the number of a page.")
    if name == ORDER_VAR and value and not _ORDER.fullmatch(value):
        raise IncorrectLookupParameters(f"{name}: {value!r} is not a list of columns like 1.-2.")


def _refuse_unless_number(name: str, value: str) -> None:
    text = _number(name, value)
    try:
        forms.DecimalField().clean(text)
    except ValidationError:
        raise IncorrectLookupParameters(f"{name}: {value!r} is not a number.") from None


def _number(name: str, text: str) -> str:
    """Return the text of a number without the commas that group its digits."""
    try:
        return without_commas(text)
    except ValidationError as error:
        raise IncorrectLookupParameters(f"{name}: {text!r}. {error.messages[0]}") from None


def _choices(spec: Any) -> list[str] | None:
    """Return the values that a filter knows, or None if it takes any."""
    choices: Iterable[tuple[object, object]]
    if isinstance(spec, admin.BooleanFieldListFilter):
        return ["0", "1"]
    if isinstance(spec, admin.ChoicesFieldListFilter):
        choices = spec.field.flatchoices
    elif isinstance(spec, (admin.SimpleListFilter, admin.RelatedFieldListFilter)):
        choices = spec.lookup_choices
    else:
        return None
    return [str(value) for value, _ in choices]
