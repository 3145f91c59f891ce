"""From a serializer's declaration to the columns it needs, and the function that makes its bodies of flat rows.

A row is `(key or lists, column, column, …)`. Slot 0 comes from the database as a key: the parent's for the rows of
a list, else the row's own. Where the declaration has nested lists, their rows take the key's place before the bodies
are made: `((part rows, service rows), column, …)`.

The function is written out as one Python expression, so that a field costs an index and not a call. `Shape.source` is
its text: what `[{"id": r[1], "vehicle": {"id": r[2], …}} for r in rows]` does can be read there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework import serializers

from common.domain.types import Json
from common.reads.fields import Derived
from common.reads.serializers import ListSerializer, Serializer
from common.reads.statements import Row

Body = Json
Code = str  # a Python expression over `r`, the row

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

    `columns`: ORM path -> slot. `lists`: name of a nested list -> its shape. `make`: flat rows -> bodies.
    """

    def __init__(self, serializer: Serializer, model: type[models.Model]) -> None:
        self._begin(model, "pk", names={})
        body = self._body(serializer, "")
        self.source = f"[{body} for r in rows]"
        # Made of the declaration alone: names of fields, slots, and the functions under `names`.
        self.make: Callable[[Sequence[Row]], list[Body]] = eval(f"lambda rows: {self.source}", self._names)  # noqa: S307

    def _begin(self, model: type[models.Model], key: str, names: Json) -> None:
        self.model = model
        self.key = key
        self.parent = 0  # of a list: the slot of its parent's key in the row it hangs on
        self.columns: dict[str, int] = {}
        self.lists: dict[str, Shape] = {}
        self._names = names
        self._results: dict[tuple[Any, ...], str] = {}

    @classmethod
    def _of_list(cls, model: type[models.Model], key: str, names: Json) -> Shape:
        """The shape of a list's rows; its bodies are written within its parent's expression."""
        shape = cls.__new__(cls)
        shape._begin(model, key, names)
        return shape

    @property
    def selected(self) -> list[str]:
        return [self.key, *self.columns]

    # --- Slots and names ------------------------------------------------------------------------------

    def _column(self, path: str) -> Code:
        # The key alone is called `pk`, so that no column of the declaration falls together with it.
        path = path.removesuffix("pk") + _primary_key(self.model, path) if _ends_in_pk(path) else path
        return f"r[{self.columns.setdefault(path, len(self.columns) + 1)}]"

    def _list_rows(self, path: str) -> Code:
        """The rows of a list: of the row itself, or of what it names (`location__opening_hours`)."""
        if path not in self.lists:
            prefix, _, name = path.rpartition("__")
            holder = _model_at(self.model, prefix)
            relation = holder._meta.get_field(name)
            if isinstance(relation, models.ManyToManyField):
                through = relation.remote_field.through
                assert through
                child = self._of_list(through, f"{relation.m2m_field_name()}__pk", self._names)
            elif isinstance(relation, models.ManyToOneRel):
                child = self._of_list(relation.related_model, f"{relation.field.name}__pk", self._names)
            else:
                raise DoesNotCompileError(f"{holder.__name__}.{name} is not a list of related rows.")
            if prefix:
                self._column(f"{prefix}__pk")
                child.parent = self.columns[f"{prefix}__{holder._meta.pk.name}"]
            self.lists[path] = child
        return f"r[0][{list(self.lists).index(path)}]"

    def _named(self, function: Callable[..., Any]) -> Code:
        name = f"f{len(self._names)}"
        self._names[name] = function
        return name

    # --- Following the declaration --------------------------------------------------------------------

    def _body(self, serializer: Serializer, prefix: str) -> Code:
        if type(serializer).to_representation is not serializers.Serializer.to_representation:
            raise DoesNotCompileError(f"{type(serializer).__name__} has its own to_representation.")
        fields = (
            f"{name!r}: {self._field(field, prefix)}"
            for name, field in serializer.fields.items()
            if not field.write_only
        )
        return "{" + ", ".join(fields) + "}"

    def _field(self, field: Any, prefix: str) -> Code:
        if isinstance(field, Derived):
            return self._written(field.output, self._result(field, prefix))
        if isinstance(field, serializers.ListSerializer):
            return self._list(field, prefix)
        path = prefix if field.source == "*" else _join(prefix, str(field.source))
        if isinstance(field, serializers.Serializer):
            return self._nested(field, path)
        if isinstance(field, (serializers.SerializerMethodField, serializers.ManyRelatedField)):
            raise DoesNotCompileError(f"{type(field).__name__} {field.field_name} asks an object, not a row.")
        return self._plain(field, path)

    def _plain(self, field: Any, path: str) -> Code:
        value, stored = self._column(path), _stored_field(self.model, path)
        if any(isinstance(field, k) and isinstance(stored, kinds) for k, kinds in _AS_STORED.items()):
            return value
        if stored is not None and not _may_be_null(self.model, path):
            return f"{self._named(_writer(field, stored))}({value})"
        return self._written(field, value, stored)

    def _written(self, field: Any, value: Code, stored: Any = None) -> Code:
        """The value as the field spells it; null stays null."""
        if _is_written_as_it_is(field):
            return value
        return f"(None if (v := {value}) is None else {self._named(_writer(field, stored))}(v))"

    def _nested(self, serializer: Serializer, path: str) -> Code:
        body = self._body(serializer, path)
        if not path or not _may_be_null(self.model, path):
            return body
        return f"(None if {self._column(f'{path}__pk')} is None else {body})"

    def _list(self, field: ListSerializer, prefix: str) -> Code:
        name = str(field.source)
        if prefix:
            raise DoesNotCompileError(f"The list {name} hangs on a nested object.")
        if isinstance(self.model._meta.get_field(name), models.ManyToManyField):
            raise DoesNotCompileError(f"{name}: spell a many-to-many by a Derived over its paths.")
        rows = self._list_rows(name)
        assert isinstance(field.child, serializers.Serializer)
        # Python reads the rows with the outer `r`, and each body with its own.
        return f"[{self.lists[name]._body(field.child, '')} for r in {rows}]"

    def _result(self, field: Derived, prefix: str) -> Code:
        """What a derived field computes. Asked for again by another field of the row itself, it is remembered; within a
        nested object, which may be null and skipped, it is not."""
        if prefix:
            return self._call(field, prefix)
        if field.key in self._results:
            return self._results[field.key]
        call = self._call(field, prefix)
        # A name of its own in the whole expression: the rows of a list are written within their parent's.
        self._results[field.key] = name = f"t{len(self._names)}"
        self._names[name] = None
        return f"({name} := {call})"

    def _call(self, field: Derived, prefix: str) -> Code:
        arguments = ", ".join(self._argument(path, prefix) for path in field.paths)
        return f"{self._named(field.function)}({arguments})"

    def _argument(self, path: str | Derived, prefix: str) -> Code:
        """Another's result, a column, or that column of every row of a list."""
        if isinstance(path, Derived):
            return self._result(path, prefix)
        name, _, rest = path.partition(".")
        holder = _model_at(self.model, prefix)
        if rest and _is_list(holder, name):
            of_list = _join(prefix, name)
            rows = self._list_rows(of_list)
            relation = holder._meta.get_field(name)
            if isinstance(relation, models.ManyToManyField):  # through its table, one step further away
                rest = f"{relation.m2m_reverse_field_name()}.{rest}"
            return f"[{self.lists[of_list]._column(_orm(rest))} for r in {rows}]"
        return self._column(_join(prefix, path))


def _orm(source: str) -> str:
    return source.replace(".", "__")


def _join(prefix: str, source: str) -> str:
    return f"{prefix}__{_orm(source)}" if prefix else _orm(source)


def _ends_in_pk(path: str) -> bool:
    return path == "pk" or path.endswith("__pk")


def _primary_key(model: type[models.Model], path: str) -> str:
    return str(_model_at(model, path.rpartition("__")[0])._meta.pk.name)


def _related(model: type[models.Model], name: str) -> type[models.Model]:
    related = model._meta.get_field(name).related_model
    assert isinstance(related, type)
    return related


def _model_at(model: type[models.Model], path: str) -> type[models.Model]:
    for name in path.split("__") if path else ():
        model = _related(model, name)
    return model


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


def _is_written_as_it_is(field: Any) -> bool:
    """Whether whatever such a field may be given is spelled by orjson as the field would."""
    is_uuid = type(field).to_representation is serializers.UUIDField.to_representation
    return is_uuid and field.uuid_format == "hex_verbose"


def _writer(field: Any, stored: Any = None) -> Callable[[Any], Any]:
    """The field's own spelling of a value; of text, words and decimals the short way to it."""
    spelled: Callable[[Any], Any] = field.to_representation
    kind = type(field).to_representation
    if kind is serializers.CharField.to_representation:
        return str
    if kind is serializers.ChoiceField.to_representation and all(isinstance(c, str) for c in field.choices):
        return str
    if kind is serializers.DictField.to_representation:
        return _dict_writer(field)
    if kind is serializers.ListField.to_representation:
        return _list_writer(field)
    if not isinstance(field, serializers.DecimalField):
        return spelled
    short: Callable[[Any], Any] = float if getattr(field, "as_number", False) else str
    if short is str and not getattr(field, "coerce_to_string", True):
        return spelled
    places = field.decimal_places or 0
    # A column has its places always; Python writes more than six of them as an exponent where the value is zero.
    if isinstance(stored, models.DecimalField) and stored.decimal_places == places and 0 < places <= 6:
        return short
    point = -places - 1

    def write(value: Any) -> Any:
        text = str(value)
        return short(text) if text[point : point + 1] == "." else spelled(value)

    return write


def _dict_writer(field: serializers.DictField) -> Callable[[Any], Any]:
    """Of words to words, or to yes and no, what is written already is what is there."""
    kind = type(field.child).to_representation
    simple = {serializers.CharField.to_representation: str, serializers.BooleanField.to_representation: bool}
    if kind not in simple:
        return field.to_representation
    child, is_text = {simple[kind]}, {str}

    def write(value: Any) -> Any:
        is_simple = set(map(type, value)) <= is_text and set(map(type, value.values())) <= child
        return value if is_simple else field.to_representation(value)

    return write


def _list_writer(field: serializers.ListField) -> Callable[[Any], Any]:
    """A list of what needs no spelling is written as it is."""
    if _is_written_as_it_is(field.child):
        return list
    is_text, kind = {str}, type(field.child).to_representation
    if kind is not serializers.CharField.to_representation:
        return field.to_representation
    return lambda value: value if set(map(type, value)) <= is_text else field.to_representation(value)


def _is_list(model: type[models.Model], name: str) -> bool:
    try:
        field = model._meta.get_field(name)
        return bool(field.one_to_many or field.many_to_many)
    except FieldDoesNotExist:
        return False


def _may_be_null(model: type[models.Model], path: str) -> bool:
    """Whether a column, or one of the relations on the way to it, may be null."""
    for name in path.split("__"):
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        if field.null or field.auto_created:
            return True
        if field.is_relation:
            model = _related(model, name)
    return False
