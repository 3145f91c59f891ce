"""Compile a serializer's declaration into the columns it needs and a function that builds its bodies from flat rows.

A row is `(key or lists, column, column, …)`. The database returns a key in slot 0: the parent's for the rows of a
nested list, else the row's own. Where the declaration has nested lists, their rows replace the key before the bodies
are built: `((part rows, service rows), column, …)`.

The function is one Python expression, so that a field costs an index and not a call. `Shape.source` is its text, such
as `[{"id": r[1], "vehicle": {"id": r[2], …}} for r in rows]`. Tracebacks show it, one field per line.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence

from django.db import models
from rest_framework import serializers

from common.domain.types import AnyModelField, Json
from common.reads.columns import is_list, may_be_null, model_at, primary_key, stored_field
from common.reads.formatters import formatter, is_formatted
from common.reads.serializers import AnySerializer, Derived, ListSerializer, SerializerField
from common.reads.statements import Row

Body = Json
Code = str  # a Python expression over `r`, the row

# A serializer field returns a stored value of these unchanged. orjson formats dates, instants and uuids.
_AS_STORED: dict[type[SerializerField], tuple[type[AnyModelField], ...]] = {
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
    """The declaration needs more than a flat row."""


class Shape:
    """The columns that a serializer reads of a model, and the function that builds its bodies.

    `columns`: ORM path -> slot. `lists`: name of a nested list -> its shape. `make`: flat rows -> bodies.
    """

    def __init__(self, serializer: AnySerializer, model: type[models.Model]) -> None:
        self._begin(model, "pk", names={})
        body = self._body(serializer, "")
        self.source = f"[{body} for r in rows]"
        self.make = self._compile(type(serializer))

    def _compile(self, serializer: type[AnySerializer]) -> Callable[[Sequence[Row]], list[Body]]:
        """Return the function of `source`. `linecache` gets the source, so that a traceback shows its lines."""
        name = f"<shape of {serializer.__module__}.{serializer.__qualname__}>"
        text = f"lambda rows: {self.source}"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        # The text comes from the declaration alone: names of fields, slots, and the functions under `_names`.
        make: Callable[[Sequence[Row]], list[Body]] = eval(compile(text, name, "eval"), self._names)  # noqa: S307
        return make

    def _begin(self, model: type[models.Model], key: str, names: Json) -> None:
        self.model = model
        self.key = key
        self.is_list = False
        self.parent = 0  # of a list: the slot of its parent's key in the row it hangs on
        self.columns: dict[str, int] = {}
        self.lists: dict[str, Shape] = {}
        self._names = names
        self._results: dict[tuple[object, ...], str] = {}

    @classmethod
    def _of_list(cls, model: type[models.Model], key: str, names: Json) -> Shape:
        """Return the shape of a nested list's rows. Their bodies stand within the parent's expression."""
        shape = cls.__new__(cls)
        shape._begin(model, key, names)
        shape.is_list = True
        return shape

    @property
    def selected(self) -> list[str]:
        return [self.key, *self.columns]

    # --- Slots and names ------------------------------------------------------------------------------

    def _column(self, path: str) -> Code:
        # Slot 0 alone is called `pk`, so that no column of the declaration shares its name.
        path = path.removesuffix("pk") + primary_key(self.model, path) if _ends_in_pk(path) else path
        return f"r[{self.columns.setdefault(path, len(self.columns) + 1)}]"

    def _list_rows(self, path: str) -> Code:
        """Return the rows of a list, of the row itself or of a related row (`location__opening_hours`)."""
        if path not in self.lists:
            prefix, _, name = path.rpartition("__")
            holder = model_at(self.model, prefix)
            relation = holder._meta.get_field(name)
            if isinstance(relation, models.ManyToManyField):
                through = relation.remote_field.through
                assert through
                child = self._of_list(through, f"{relation.m2m_field_name()}__pk", self._names)
            elif isinstance(relation, models.ManyToOneRel):
                child = self._of_list(relation.related_model, f"{relation.field.name}__pk", self._names)
            else:
                raise DoesNotCompileError(
                    f"{holder.__name__}.{name} is not a list of related rows. Declare it without many=True."
                )
            if prefix or self.is_list:  # slot 0 of a list's row is the key of its parent, not its own
                key = f"{prefix}__pk" if prefix else "pk"
                self._column(key)
                child.parent = self.columns[f"{key.removesuffix('pk')}{holder._meta.pk.name}"]
            self.lists[path] = child
        return f"r[0][{list(self.lists).index(path)}]"

    def _named(self, function: Callable[..., object]) -> Code:
        name = f"f{len(self._names)}"
        self._names[name] = function
        return name

    # --- Following the declaration --------------------------------------------------------------------

    def _body(self, serializer: AnySerializer, prefix: str) -> Code:
        if type(serializer).to_representation is not serializers.Serializer.to_representation:
            raise DoesNotCompileError(
                f"{type(serializer).__name__} has a to_representation of its own. Use Derived fields."
            )
        fields = (
            f"{name!r}: {self._field(field, prefix)}"
            for name, field in serializer.fields.items()
            if not field.write_only
        )
        return "{" + ",\n ".join(fields) + "}"

    def _field(self, field: SerializerField, prefix: str) -> Code:
        if isinstance(field, Derived):
            return self._formatted(field.output, self._result(field, prefix))
        if isinstance(field, serializers.ListSerializer):
            return self._list(field, prefix)
        path = prefix if field.source == "*" else _join(prefix, str(field.source))
        if isinstance(field, serializers.Serializer):
            return self._nested(field, path)
        if isinstance(field, (serializers.SerializerMethodField, serializers.ManyRelatedField)):
            raise DoesNotCompileError(
                f"{type(field).__name__} {field.field_name} needs an object. Use a Derived field."
            )
        return self._plain(field, path)

    def _plain(self, field: SerializerField, path: str) -> Code:
        value, stored = self._column(path), stored_field(self.model, path)
        if any(isinstance(field, k) and isinstance(stored, kinds) for k, kinds in _AS_STORED.items()):
            return value
        if stored is not None and not may_be_null(self.model, path):
            return f"{self._named(formatter(field, stored))}({value})"
        return self._formatted(field, value, stored)

    def _formatted(self, field: SerializerField, value: Code, stored: AnyModelField | None = None) -> Code:
        """Return the code of the formatted value. Null stays null."""
        if is_formatted(field):
            return value
        return f"(None if (v := {value}) is None else {self._named(formatter(field, stored))}(v))"

    def _nested(self, serializer: AnySerializer, path: str) -> Code:
        body = self._body(serializer, path)
        if not path or not may_be_null(self.model, path):
            return body
        return f"(None if {self._column(f'{path}__pk')} is None else {body})"

    def _list(self, field: ListSerializer, prefix: str) -> Code:
        name = str(field.source)
        if prefix:
            raise DoesNotCompileError(
                f"The list {name} is within a nested object. Use a Derived field over its path."
            )
        if isinstance(self.model._meta.get_field(name), models.ManyToManyField):
            raise DoesNotCompileError(f"{name} is many-to-many. Use a Derived field over its paths.")
        rows = self._list_rows(name)
        assert isinstance(field.child, serializers.Serializer)
        # Python evaluates `rows` with the outer `r`, and each body with the inner one.
        return f"[{self.lists[name]._body(field.child, '')} for r in {rows}]"

    def _result(self, field: Derived, prefix: str) -> Code:
        """Return the code of a derived field's result.

        The result is stored under a name for other fields of the same row. Within a nested object, which may be null
        and skipped, it is computed again.
        """
        if prefix:
            return self._call(field, prefix)
        if field.key in self._results:
            return self._results[field.key]
        call = self._call(field, prefix)
        # The name is unique in the whole expression, which contains the bodies of nested lists.
        self._results[field.key] = name = f"t{len(self._names)}"
        self._names[name] = None
        return f"({name} := {call})"

    def _call(self, field: Derived, prefix: str) -> Code:
        arguments = ", ".join(self._argument(path, prefix) for path in field.paths)
        return f"{self._named(field.function)}({arguments})"

    def _argument(self, path: str | Derived, prefix: str) -> Code:
        """Return the code of another field's result, a column, or a column of each row of a list."""
        if isinstance(path, Derived):
            return self._result(path, prefix)
        name, _, rest = path.partition(".")
        holder = model_at(self.model, prefix)
        if rest and is_list(holder, name):
            of_list = _join(prefix, name)
            rows = self._list_rows(of_list)
            relation = holder._meta.get_field(name)
            if isinstance(relation, models.ManyToManyField):  # through its table, one step further
                rest = f"{relation.m2m_reverse_field_name()}.{rest}"
            return f"[{self.lists[of_list]._column(_orm(rest))} for r in {rows}]"
        return self._column(_join(prefix, path))


def _orm(source: str) -> str:
    return source.replace(".", "__")


def _join(prefix: str, source: str) -> str:
    return f"{prefix}__{_orm(source)}" if prefix else _orm(source)


def _ends_in_pk(path: str) -> bool:
    return path == "pk" or path.endswith("__pk")
