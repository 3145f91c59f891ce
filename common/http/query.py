"""Query parameters, validated as strictly as a body (docs/design, D12): nothing is clamped or ignored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import ClassVar

from django.db import models
from django.http import QueryDict
from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils.serializer_helpers import BindingDict

from common.domain.types import AnyModelField, Json
from common.http.fields import ChoiceList, Number, TextList
from common.reads.serializers import AskedAt, Serializer, SerializerField
from common.reads.statements import Param

MAX_PAGE_SIZE = 200

_STORED_AS: dict[type[SerializerField], AnyModelField] = {
    AskedAt: models.DateTimeField(),
    serializers.DateTimeField: models.DateTimeField(),
    serializers.DateField: models.DateField(),
    serializers.UUIDField: models.UUIDField(),
    serializers.IntegerField: models.BigIntegerField(),
    serializers.FloatField: models.FloatField(),
    serializers.CharField: models.TextField(),
    serializers.ChoiceField: models.TextField(),
}


class Query(Serializer):
    """The declared parameters of a route. Subclasses add their own."""

    @property
    def fields(self) -> BindingDict:
        return _fields_of(type(self))

    @classmethod
    def read(cls, params: QueryDict) -> Json:
        """Return the validated values of the parameters that were sent.

        `?name=` counts as not sent, unless the field allows a blank text.

        Raises ValidationError that names each unknown, repeated or wrong parameter.
        """
        if not params and not cls._has_required_or_default():
            return {name: timezone.now() for name in cls.instants()}
        fields = cls().fields
        given: dict[str, str] = {}
        wrong: dict[str, list[str]] = {}
        for name, values in params.lists():
            field = fields.get(name or "")
            if field is None or isinstance(field, AskedAt):
                wrong[name] = ["Unknown parameter."]
            elif len(values) > 1 and not isinstance(field, (ChoiceList, TextList)):
                wrong[name] = ["Given more than once."]
            elif (joined := ",".join(str(value) for value in values).strip()) or _takes_blank(field):
                given[name] = joined
        query = cls(data=given)
        if not query.is_valid() or wrong:
            raise serializers.ValidationError({**wrong, **query.errors})
        return dict(query.validated_data)

    @classmethod
    @cache
    def _has_required_or_default(cls) -> bool:
        """Return whether a parameter is required or has a default, so that an empty query needs validation."""
        asked = [field for field in cls().fields.values() if not isinstance(field, AskedAt)]
        return any(field.required or field.default is not empty for field in asked)

    @classmethod
    @cache
    def instants(cls) -> list[str]:
        """Return the names under which the time of the request is passed."""
        return [str(field.source) for field in cls().fields.values() if isinstance(field, AskedAt)]

    def validate_range(self, attrs: Json, lower: str, upper: str) -> None:
        """Raise ValidationError if the lower bound is after the upper one."""
        low, high = (attrs.get(str(self.fields[name].source)) for name in (lower, upper))
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError({lower: [f"Must not be after {upper}."]})


def _takes_blank(field: SerializerField) -> bool:
    return isinstance(field, serializers.CharField) and field.allow_blank


@cache
def _fields_of(query: type[Query]) -> BindingDict:
    """Return the fields of a query, made once.

    Validation does not change them, and DRF's copies per request cost more than the validation itself.
    """
    prototype = query()
    fields = BindingDict(prototype)
    for name, field in prototype.get_fields().items():
        fields[name] = field
    return fields


class ListQuery(Query):
    """The parameters of a list, which is whole by default. Either parameter alone pages it."""

    named: ClassVar[Mapping[str, type[models.Model]]] = {}  # id parameters -> their models

    page = Number(required=False, min_value=1, max_value=2**31, help_text="Number of the page, from 1.")
    page_size = Number(
        required=False,
        min_value=1,
        max_value=MAX_PAGE_SIZE,
        help_text="Rows of a page, at most 200. 50 if only `page` is sent.",
    )


class RowQuery(Query):
    """The parameters of one row of the staff's API."""

    fields = TextList(  # type: ignore[assignment]  # the parameter. DRF does not read the attribute
        required=False, help_text="The names of the row to answer with, comma-separated. Without it all."
    )


class StaffListQuery(RowQuery, ListQuery):
    """The parameters of every list of the staff's API, which is always paged."""

    after = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=2000,
        help_text="Begins pages by position if it is empty. `next` has it for the page that follows. Not with `page`.",
    )
    format = serializers.ChoiceField(
        choices=["json", "ndjson", "csv"],
        required=False,
        help_text="All rows as a file, a JSON object a line or CSV, while `json` is a page. Not with pages.",
    )


def params_of(*queries: type[Query]) -> dict[str, Param]:
    """Return the params that a `Read` compiles with: domain name of each parameter -> its `Param`.

    A queryset branches on booleans and on the ordering, so these stay literals.
    """
    fields = {str(field.source): field for query in queries for field in query().fields.values()}
    return {
        name: _param(field)
        for name, field in fields.items()
        if name != "ordering" and not isinstance(field, serializers.BooleanField)
    }


def _param(field: SerializerField) -> Param:
    """Return the `Param` of a query parameter, stored as its field says. A list of values is one parameter."""
    many = isinstance(field, serializers.ListField)
    inner = field.child if isinstance(field, serializers.ListField) else field
    stored = next(stored for kind, stored in _STORED_AS.items() if isinstance(inner, kind))
    return Param(str(field.source), stored, many=many)
