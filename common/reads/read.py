"""Reads: which rows, in which shape. Compiled once per role and set of filters, then run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import structlog
from django.conf import settings
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from common.domain.caller import Caller
from common.domain.errors import DomainError, Missing
from common.domain.types import AnyQuerySet, Json, Values
from common.reads.orders import Order, OtherOrderError, Position
from common.reads.serializers import Serializer, SerializerField, follow
from common.reads.shapes import Body, DoesNotCompileError, Shape
from common.reads.statements import Param, Row, Statement

log = structlog.get_logger(__name__)

_MOST_PARTS = 50  # sets of fields of one serializer that stay compiled

Filters = Values
Rows = Callable[[Caller, Any], AnyQuerySet]
# Page 1, a later page, or the rows after a position: which of its values are null, and none at the beginning.
Part = Literal["first", "later"] | tuple[bool, ...]

_USER = Param("caller_user", models.BigIntegerField())
_CUSTOMER = Param("caller_customer", models.BigIntegerField())
_PARENTS = Param("parents", models.BigIntegerField(), many=True)


class Read:
    """The rows that a caller may see, in the shape of a serializer, as plain values.

    `rows(caller, filters)` may branch on the caller's role and on which filters are present, and on nothing else. To
    compile, it gets the role with a `Param` for each id, and the Params of `params` for the filters' values. A filter
    without a Param is a literal, and each of its values is compiled by itself.
    """

    def __init__(
        self,
        rows: Rows,
        serializer: type[Serializer],
        params: Mapping[str, Param] = MappingProxyType({}),
    ) -> None:
        self.rows = rows
        self.serializer = serializer
        self.params = params
        self._compiled: dict[tuple[object, ...], _Compiled | None] = {}
        self._parts: dict[frozenset[str], Read] = {}

    def only(self, names: Iterable[str]) -> Read:
        """Return the read of some fields of the serializer, which reads no other columns and lists."""
        shown = frozenset(names)
        part = self._parts.get(shown)
        if part is None:
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            part = Read(self.rows, _part_of(self.serializer, shown), self.params)
            self._parts[shown] = part
        return part

    def all(self, caller: Caller, filters: Filters) -> list[Body]:
        """Return every row, with one query and one more for each nested list."""
        compiled = self._for(caller, filters)
        if compiled is None:
            return self._from_objects(self.rows(caller, filters))
        return compiled.bodies(_values(caller, filters))

    def page(self, caller: Caller, filters: Filters, bounds: slice) -> list[Body]:
        """Return the rows within `bounds`."""
        compiled = self._for(caller, filters, part="later" if bounds.start else "first")
        if compiled is None:
            return self._from_objects(self.rows(caller, filters)[bounds])
        limits = {"limit": bounds.stop - bounds.start, "offset": bounds.start}
        return compiled.bodies(_values(caller, filters) | limits)

    def after(
        self, caller: Caller, filters: Filters, position: Position | None, size: int
    ) -> tuple[list[Body], Position | None]:
        """Return the first `size` rows after a position, and the position of the last one if more rows follow.

        Without a position they begin with the first row. Raises OtherOrderError.
        """
        compiled = self._for(caller, filters, part=())
        order = compiled.order if compiled else Order(self.rows(caller, filters))
        if position and position.order != order.words:
            raise OtherOrderError
        if compiled and position:
            compiled = self._for(caller, filters, part=position.nulls)
        if compiled is None:
            return self._objects_after(caller, filters, position, size)
        values = position.params if position else {}
        return compiled.bodies_after(_values(caller, filters) | values, size)

    def one(
        self, caller: Caller, filters: Filters, missing: DomainError | type[DomainError] = Missing
    ) -> Body:
        """Return the first row. Raise `missing` if there is none for this caller."""
        for body in self.page(caller, filters, slice(0, 1)):
            return body
        raise missing

    def count(self, caller: Caller, filters: Filters) -> int:
        """Return the number of rows."""
        compiled = self._for(caller, filters, part="first")
        if compiled is None:
            return self.rows(caller, filters).count()
        return compiled.total(_values(caller, filters))

    def _for(self, caller: Caller, filters: Filters, part: Part | None = None) -> _Compiled | None:
        shown = frozenset((name, None if name in self.params else filters[name]) for name in filters)
        key = (caller.role, shown, part)
        if key not in self._compiled:
            self._compiled[key] = self._compile(caller.role, filters, part)
        return self._compiled[key]

    def _compile(self, role: str, filters: Filters, part: Part | None) -> _Compiled | None:
        caller = _placeholder(role)
        params = {name: self.params.get(name, filters[name]) for name in filters}
        rows = self.rows(caller, params)
        try:
            return _Compiled(Shape(self.serializer(), rows.model), rows, caller, part)
        except DoesNotCompileError as error:
            if settings.READS_MUST_COMPILE:
                raise
            log.warning("read_does_not_compile", serializer=self.serializer.__name__, reason=str(error))
            return None

    def _from_objects(self, rows: AnyQuerySet | list[models.Model]) -> list[Body]:
        return list(self.serializer(rows, many=True).data)

    def _objects_after(
        self, caller: Caller, filters: Filters, position: Position | None, size: int
    ) -> tuple[list[Body], Position | None]:
        rows = self.rows(caller, filters)
        order = Order(rows)
        found = list((order.beyond(rows, order.literals(position)) if position else rows)[: size + 1])
        if len(found) <= size:
            return self._from_objects(found), None
        last = order.position(follow(found[size - 1], path.split("__")) for path in order.paths)
        return self._from_objects(found[:size]), last


def _part_of(serializer: type[Serializer], names: frozenset[str]) -> type[Serializer]:
    """Return the serializer with those of its fields, in their order."""

    def get_fields(self: Serializer) -> Mapping[str, SerializerField]:
        return {name: field for name, field in serializer.get_fields(self).items() if name in names}

    return type(serializer.__name__, (serializer,), {"get_fields": get_fields})


class Columns:
    """Named columns of a caller's rows, without a body, for counts and sums. Compiled once per role.

    `rows(caller)` may branch on the role alone. Values of its own Params are passed by name.
    """

    def __init__(self, rows: Callable[[Caller], AnyQuerySet], *columns: str) -> None:
        self.rows = rows
        self.columns = columns
        self._compiled: dict[str, Statement] = {}

    def of(self, caller: Caller, **values: object) -> Sequence[Row]:
        """Return the rows as `values_list` would, with one query."""
        statement = self._compiled.get(caller.role)
        if statement is None:
            statement = Statement.compile(self.rows(_placeholder(caller.role)), self.columns)
            self._compiled[caller.role] = statement
        return statement.run(_values(caller, values))


def _placeholder(role: str) -> Caller:
    """Return a caller of that role with a Param in place of each id. A queryset uses both alike."""
    return Caller(role, user_id=_USER, customer_id=_CUSTOMER)  # type: ignore[arg-type]


class _Compiled:
    """The statements of a shape: its rows, their count, and one for each nested list."""

    def __init__(self, shape: Shape, rows: AnyQuerySet, caller: Caller, part: Part | None) -> None:
        self.make = shape.make
        self.count = Statement.compile_count(rows) if isinstance(part, str) else None
        if isinstance(part, tuple):
            self.order = Order(rows)
            columns = list(dict.fromkeys([*shape.selected, *self.order.paths]))
            self.slots = [columns.index(path) for path in self.order.paths]
            after = self.order.beyond(rows, self.order.params(part)) if part else rows
            self.statement = Statement.compile(after, columns, paged="by position")
        elif part == "later":
            self.statement = Statement.compile_later(rows, shape.selected)
        else:
            self.statement = Statement.compile(rows, shape.selected, paged="by number" if part else None)
        self.lists = [_List(child, caller) for child in shape.lists.values()]

    def total(self, values: Values) -> int:
        assert self.count
        found = self.count.run(values)
        return int(found[0][0]) if found else 0

    def bodies_after(self, values: Values, size: int) -> tuple[list[Body], Position | None]:
        """Return `size` rows, and the position of the last one if more rows follow."""
        with connection.cursor() as cursor:
            found = self.statement.run_on(cursor, {**values, "limit": size + 1})
            rows = _with_lists(self.lists, cursor, found[:size], values)
        is_last = len(found) <= size
        last = None if is_last else self.order.position(found[size - 1][slot] for slot in self.slots)
        return self.make(rows), last

    def bodies(self, values: Values) -> list[Body]:
        with connection.cursor() as cursor:
            rows = self.statement.run_on(cursor, values)
            rows = _with_lists(self.lists, cursor, rows, values)
        return self.make(rows)


class _List:
    """The statements of a nested list: its rows, and those of the lists within it."""

    def __init__(self, shape: Shape, caller: Caller) -> None:
        self.slot = shape.parent
        self.statement = _list_statement(shape, caller)
        self.lists = [_List(child, caller) for child in shape.lists.values()]

    def by_parent(
        self, cursor: CursorWrapper, parents: set[object], values: Values
    ) -> dict[object, list[Row]]:
        """Return the rows with the lists within them, by the key of their parent."""
        rows = self.statement.run_on(cursor, {**values, "parents": parents})
        groups: dict[object, list[Row]] = defaultdict(list)
        for parent, row in zip(rows, _with_lists(self.lists, cursor, rows, values), strict=True):
            groups[parent[0]].append(row)
        return groups


def _with_lists(
    lists: Sequence[_List], cursor: CursorWrapper, rows: Sequence[Row], values: Values
) -> Sequence[Row]:
    """Return the rows with their lists in slot 0, in place of their key."""
    if not lists or not rows:
        return rows
    found = [
        (entry.slot, entry.by_parent(cursor, {row[entry.slot] for row in rows} - {None}, values))
        for entry in lists
    ]
    none: list[Row] = []
    return [(tuple([group.get(row[slot], none) for slot, group in found]), *row[1:]) for row in rows]


def _list_statement(shape: Shape, caller: Caller) -> Statement:
    """Compile the rows of a nested list: those that its queryset shows this caller, in the queryset's order."""
    manager: Any = shape.model._default_manager
    # The table of a many-to-many has no queryset of ours. Its rows are visible with their parent.
    is_ours = not shape.model._meta.auto_created
    rows = manager.visible_to(caller).in_order() if is_ours else manager.order_by("id")
    return Statement.compile(rows.filter(**{f"{shape.key}__in": _PARENTS}), shape.selected)


def _values(caller: Caller, filters: Filters) -> Json:
    return {"caller_user": caller.user_id, "caller_customer": caller.account, **filters}
