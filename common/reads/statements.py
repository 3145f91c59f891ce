"""A queryset compiled to SQL once, with a placeholder for each value, and run with other values each time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import DateTimeField, Expression, IntegerField, Value
from django.db.models.expressions import Col, RawSQL
from django.db.models.sql.compiler import SQLCompiler

from common.domain.types import AnyModelField, AnyQuerySet, Values


def as_expression(value: object, field: AnyModelField) -> Expression:
    """Return a value, or the `Param` for one, as a queryset annotates it."""
    return value if isinstance(value, Param) else Value(value, field)


class Param(Expression):
    """Stand where a value would. `as_sql` puts the Param itself among the parameters.

    It binds through its field, as a value in its place would have been. With `many` it is a list in one parameter
    of any length, for `__in` lookups, so that a statement stays one statement.
    """

    def __init__(self, name: str, field: AnyModelField, *, many: bool = False) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.many = many

    def __str__(self) -> str:
        raise TypeError(
            f"{self.name} has no value while the query compiles. Use a lookup that does not read its value then."
        )

    def as_sql(  # type: ignore[override]  # its parameter is the Param, bound when the statement runs
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Param]]:
        if not self.many:
            # Selected as it is, a parameter has no type of its own on PostgreSQL and comes back as text.
            typed = connection.vendor == "postgresql" and isinstance(self.output_field, DateTimeField)
            return "%s::timestamptz" if typed else "%s", [self]
        if connection.vendor == "postgresql":
            return f"SELECT unnest(%s::{self.output_field.db_type(connection)}[])", [self]
        return "SELECT value FROM json_each(%s)", [self]

    def bind(self, values: Values, connection: BaseDatabaseWrapper) -> object:
        """Return the value of this parameter as the database takes it."""
        value = values[self.name]
        if not self.many:
            return self.output_field.get_db_prep_value(value, connection, prepared=False)
        if isinstance(self.output_field, IntegerField):
            # The text of an array, in either language. A list would cost the driver a call per element.
            left, right = "{}" if connection.vendor == "postgresql" else "[]"
            return left + ",".join([str(int(item)) for item in value]) + right
        bound = [self.output_field.get_db_prep_value(item, connection, prepared=False) for item in value]
        return bound if connection.vendor == "postgresql" else orjson.dumps(bound, default=str).decode()


Row = Sequence[Any]
Paged = Literal["by number", "by position"]
Converter = Callable[[Any, BaseDatabaseWrapper], object]

LIMIT = Param("limit", models.BigIntegerField())
OFFSET = Param("offset", models.BigIntegerField())

# PostgreSQL estimates how many rows have one of an array's values. It has no estimate for a sub-select's values.
_LIST = re.compile(r"IN \(SELECT unnest\((%s::[^()]*\[\])\)\)")


def fetch(cursor: CursorWrapper, sql: str, params: Sequence[Any]) -> Sequence[Row]:
    """Return all rows of a statement. psycopg prepares it once it has run five times on a connection."""
    cursor.execute(sql, params)
    rows: list[Row] = cursor.fetchall()
    return rows


class Statement:
    """A `SELECT` of named columns. Rows come as the ORM's `values_list` would return them."""

    def __init__(
        self, sql: str, params: Sequence[object], converters: Sequence[tuple[int, Converter]]
    ) -> None:
        self.sql = sql
        self.params = tuple(params)
        self.converters = tuple(converters)

    @classmethod
    def compile(cls, rows: AnyQuerySet, columns: Sequence[str], *, paged: Paged | None = None) -> Statement:
        """Compile the statement that reads `columns` (ORM paths) of `rows`. `paged` adds LIMIT, and OFFSET."""
        query = rows.values_list(*columns).query
        compiler = query.get_compiler(rows.db)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return _Nothing("", (), ())
        sql = _LIST.sub(r"= ANY (\1)", sql)
        if paged == "by number":
            sql, params = f"{sql} LIMIT %s OFFSET %s", (*params, LIMIT, OFFSET)
        elif paged == "by position":
            sql, params = f"{sql} LIMIT %s", (*params, LIMIT)
        selected = [expression for expression, _, _ in compiler.select[: compiler.col_count]]
        # Without the column converters SQLite returns text for UUIDs, dates, decimals and JSON.
        converters = compiler.get_converters(selected)
        return cls(sql, params, [(at, _chain(*found)) for at, found in converters.items()])

    @classmethod
    def compile_later(cls, rows: AnyQuerySet, columns: Sequence[str]) -> Statement:
        """Compile the statement for the second and later pages.

        Rows before the page are skipped by key alone, most often within an index. Columns and joins are read only for
        the page's own rows.
        """
        keys = cls.compile(rows, ["pk"], paged="by number")
        if isinstance(keys, _Nothing):
            return keys
        own_sql = RawSQL(keys.sql, keys.params)  # noqa: S611  # compiled above, without any input
        return cls.compile(rows.filter(pk__in=own_sql), columns)

    @classmethod
    def compile_count(cls, rows: AnyQuerySet) -> Statement:
        """Compile the statement that counts `rows`."""
        inner = cls.compile(rows.order_by(), ["pk"])
        if isinstance(inner, _Nothing):
            return inner
        return cls(f"SELECT COUNT(*) FROM ({inner.sql}) AS counted", inner.params, ())  # noqa: S608

    def run(self, values: Values) -> Sequence[Row]:
        """Return all rows for these values, in one round trip."""
        with connection.cursor() as cursor:
            return self.run_on(cursor, values)

    def run_on(self, cursor: CursorWrapper, values: Values) -> Sequence[Row]:
        """Return all rows for these values.

        A new cursor costs psycopg 30 µs, because it looks up its loaders and dumpers anew. So the statements of a read
        share one.
        """
        bound = [p.bind(values, cursor.db) if isinstance(p, Param) else p for p in self.params]
        rows = fetch(cursor, self.sql, bound)
        if not self.converters:
            return rows
        converted = [list(row) for row in rows]
        for at, convert in self.converters:
            for row in converted:
                row[at] = convert(row[at], cursor.db)
        return converted


class _Nothing(Statement):
    """A query that the ORM knows to be empty without running it."""

    def run_on(self, cursor: CursorWrapper, values: Values) -> Sequence[Row]:
        return []


def _chain(converters: Sequence[Callable[..., object]], expression: object) -> Converter:
    if isinstance(expression, Col) and [_reads_json(step) for step in converters] == [True]:
        return lambda value, _: None if value is None else orjson.loads(value)

    def convert(value: object, connection: BaseDatabaseWrapper) -> object:
        for step in converters:
            value = step(value, expression, connection)
        return value

    return convert


def _reads_json(step: Callable[..., object]) -> bool:
    """Return whether a converter is a plain JSON column's, which parses each value with Python's slow parser."""
    field = getattr(step, "__self__", None)
    return (
        isinstance(field, models.JSONField)
        and field.decoder is None
        and getattr(step, "__func__", None) is models.JSONField.from_db_value
    )
