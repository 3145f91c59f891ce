"""From a serializer's declaration to the columns it needs, and the function that makes its body of a flat row.

A row is `(key or lists, column, column, …)`. Slot 0 comes from the database as a key: the parent's for the rows of
a list, else the row's own. Where the declaration has nested lists, their rows take the key's place before the body
is made: `((part rows, service rows), column, …)`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework import serializers

from common.fields import Derived
from common.reads.statements import Row

Spell = Callable[[Row], Any]
Body = dict[str, Any]

# A serializer field writes a stored value of these as it is; orjson spells dates, instants and uuids.
_AS_STORED: dict[type[Any], tuple[type[Any], ...]] = {
    serializers.CharField: (models.CharField, models.TextField),
    serializers.ChoiceField: (models.CharField, models.TextField),
    serializers.IntegerField: (models.IntegerField,),
    serializers.BooleanField: (models.BooleanField,),
    serializers.UUIDField: (models.UUIDField,),
    serializers.JSONField: (models.JSONField,),
    serializers.DateTimeField: (models.DateTimeField,),
    serializers.DateField: (models.DateField,),
}


class DoesNotCompileError(TypeError):
    """The declaration says something that a flat row cannot answer."""


class Shape:
    """What a serializer reads of a model.

    `columns`: ORM path -> slot. `lists`: name of a nested list -> its shape. `make`: flat row -> body.
    """

    def __init__(
        self, serializer: serializers.Serializer[Any] | None, model: type[models.Model], key: str = "pk"
    ) -> None:
        self.model = model
        self.key = key
        self.columns: dict[str, int] = {}
        self.lists: dict[str, Shape] = {}
        self._results: dict[tuple[Any, ...], Spell] = {}
        self.make: Callable[[Row], Body] = self._body(serializer, "") if serializer else dict

    @property
    def selected(self) -> list[str]:
        return [self.key, *self.columns]

    # --- Reading a slot -------------------------------------------------------------------------------

    def _column(self, path: str) -> Spell:
        # The key alone is called `pk`, so that no column of the declaration falls together with it.
        path = path.removesuffix("pk") + _primary_key(self.model, path) if _ends_in_pk(path) else path
        return itemgetter(self.columns.setdefault(path, len(self.columns) + 1))

    def _list_rows(self, name: str) -> Spell:
        if name not in self.lists:
            relation = self.model._meta.get_field(name)
            if not isinstance(relation, models.ManyToOneRel):
                raise DoesNotCompileError(f"{self.model.__name__}.{name} is not a list of related rows.")
            self.lists[name] = Shape(None, relation.related_model, key=f"{relation.field.name}__pk")
        at = list(self.lists).index(name)
        return lambda row: row[0][at]

    # --- Following the declaration --------------------------------------------------------------------

    def _body(self, serializer: serializers.Serializer[Any], prefix: str) -> Callable[[Row], Body]:
        if type(serializer).to_representation is not serializers.Serializer.to_representation:
            raise DoesNotCompileError(f"{type(serializer).__name__} has its own to_representation.")
        fields = [
            (name, self._field(field, prefix))
            for name, field in serializer.fields.items()
            if not field.write_only
        ]
        return lambda row: {name: spell(row) for name, spell in fields}

    def _field(self, field: Any, prefix: str) -> Spell:
        if isinstance(field, Derived):
            return self._derived(field, prefix)
        if isinstance(field, serializers.ListSerializer):
            return self._list(field, prefix)
        path = prefix if field.source == "*" else _join(prefix, str(field.source))
        if isinstance(field, serializers.Serializer):
            return self._nested(field, path)
        if isinstance(field, (serializers.SerializerMethodField, serializers.ManyRelatedField)):
            raise DoesNotCompileError(f"{type(field).__name__} {field.field_name} asks an object, not a row.")
        return self._plain(field, path)

    def _plain(self, field: Any, path: str) -> Spell:
        read, stored = self._column(path), _stored_field(self.model, path)
        if any(isinstance(field, k) and isinstance(stored, kinds) for k, kinds in _AS_STORED.items()):
            return read
        write = _writer(field)
        return lambda row: None if (value := read(row)) is None else write(value)

    def _nested(self, serializer: serializers.Serializer[Any], path: str) -> Spell:
        make = self._body(serializer, path)
        if not path or not _may_be_null(self.model, path):
            return make
        key = self._column(f"{path}__pk")
        return lambda row: None if key(row) is None else make(row)

    def _list(self, field: serializers.ListSerializer[Any], prefix: str) -> Spell:
        if prefix:
            raise DoesNotCompileError(f"The list {field.source} hangs on a nested object.")
        rows = self._list_rows(str(field.source))
        assert isinstance(field.child, serializers.Serializer)
        make = self.lists[str(field.source)]._body(field.child, "")
        return lambda row: [make(item) for item in rows(row)]

    def _derived(self, field: Derived, prefix: str) -> Spell:
        compute, write = self._computed(field, prefix), _writer(field.output)
        return lambda row: None if (result := compute(row)) is None else write(result)

    def _computed(self, field: Derived, prefix: str) -> Spell:
        """What a derived field computes; once a row, however many fields ask for it."""
        if (prefix, field.key) not in self._results:
            function = field.function
            readers = [self._value(path, prefix) for path in field.paths]
            self._results[prefix, field.key] = _once(lambda row: function(*[read(row) for read in readers]))
        return self._results[prefix, field.key]

    def _value(self, path: str | Derived, prefix: str) -> Spell:
        """One argument of a derived field: another's result, a column, or that column of every row of a list."""
        if isinstance(path, Derived):
            return self._computed(path, prefix)
        name, _, rest = path.partition(".")
        if rest and not prefix and _is_list(self.model, name):
            rows = self._list_rows(name)
            read = self.lists[name]._column(_orm(rest))
            return lambda row: [read(item) for item in rows(row)]
        return self._column(_join(prefix, path))


def _once(compute: Spell) -> Spell:
    """Remembers the last row's result. One tuple, read and written whole: safe between threads."""
    last: tuple[Row | None, Any] = (None, None)

    def read(row: Row) -> Any:
        nonlocal last
        seen, result = last
        if seen is not row:
            result = compute(row)
            last = (row, result)
        return result

    return read


def _orm(source: str) -> str:
    return source.replace(".", "__")


def _join(prefix: str, source: str) -> str:
    return f"{prefix}__{_orm(source)}" if prefix else _orm(source)


def _ends_in_pk(path: str) -> bool:
    return path == "pk" or path.endswith("__pk")


def _primary_key(model: type[models.Model], path: str) -> str:
    for name in path.split("__")[:-1]:
        model = _related(model, name)
    return str(model._meta.pk.name)


def _related(model: type[models.Model], name: str) -> type[models.Model]:
    related = model._meta.get_field(name).related_model
    assert isinstance(related, type)
    return related


def _stored_field(model: type[models.Model], path: str) -> Any:
    """The model's field at an ORM path, of a foreign key its target's; None for what the queryset annotated."""
    *steps, last = path.split("__")
    try:
        for name in steps:
            model = _related(model, name)
        field: Any = model._meta.pk if last == "pk" else model._meta.get_field(last)
    except FieldDoesNotExist:
        return None
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def _writer(field: Any) -> Callable[[Any], Any]:
    """The field's own spelling of a value; of a decimal that already has its places, the short way to it."""
    spelled: Callable[[Any], Any] = field.to_representation
    if not isinstance(field, serializers.DecimalField) or not getattr(field, "coerce_to_string", True):
        return spelled
    point = -(field.decimal_places or 0) - 1

    def write(value: Any) -> Any:
        text = str(value)
        return text if text[point : point + 1] == "." else spelled(value)

    return write


def _is_list(model: type[models.Model], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).one_to_many)
    except FieldDoesNotExist:
        return False


def _may_be_null(model: type[models.Model], path: str) -> bool:
    for name in path.split("__"):
        field = model._meta.get_field(name)
        if field.null or field.auto_created:
            return True
        model = _related(model, name)
    return False
