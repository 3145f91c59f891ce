"""Write rows by statements that are built once, for tables that are written many times a second.

The ORM compiles a statement for each call, which takes longer than the database needs to run it. On PostgreSQL all rows
are one JSON parameter, so that the statement is the same for one row and for fifty and is prepared once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, cast

import orjson
from django.db import connection, models

from common.domain.types import AnyModelField

Fields = Sequence[AnyModelField]


class Insert:
    """`INSERT` of a model's rows. The database assigns the key `id`."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self._fields: Fields = [field for field in model._meta.concrete_fields if not field.primary_key]

    def run(self, rows: Collection[models.Model]) -> None:
        """Insert unsaved instances in one round trip and set their keys. No signals are sent, no history is written."""
        if not rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._from_json, [_json(rows, self._fields)])
            else:
                values = [value for row in rows for value in _values(row, self._fields)]
                cursor.execute(self._of(len(rows)), values)
            keys = cursor.fetchall()
        for row, (key,) in zip(rows, keys, strict=True):
            row.pk, row._state.adding, row._state.db = key, False, connection.alias

    @cached_property
    def _from_json(self) -> str:
        columns = _columns(self._fields)
        source = f"SELECT {columns} FROM {_given(self._fields)}"  # noqa: S608
        return f"INSERT INTO {_table(self._model)} ({columns}) {source} RETURNING id"

    def _of(self, count: int) -> str:
        row = f"({', '.join(['%s'] * len(self._fields))})"
        source = "VALUES " + ", ".join([row] * count)
        return f"INSERT INTO {_table(self._model)} ({_columns(self._fields)}) {source} RETURNING id"


class Update:
    """`UPDATE` of some columns of a model's rows, found by `id`."""

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        self._model = model
        self._changed: Fields = [_field(model, name) for name in names]
        self._fields: Fields = [*self._changed, _field(model, "id")]

    def run(self, rows: Collection[models.Model]) -> None:
        """Store the columns' values of these instances. No signals are sent, no history is written."""
        if not rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._from_json, [_json(rows, self._fields)])
            else:
                cursor.executemany(self._of_one, [_values(row, self._fields) for row in rows])

    @cached_property
    def _from_json(self) -> str:
        table = _table(self._model)
        changes = ", ".join(f'"{field.column}" = given."{field.column}"' for field in self._changed)
        return f"UPDATE {table} SET {changes} FROM {_given(self._fields)} WHERE {table}.id = given.id"  # noqa: S608

    @cached_property
    def _of_one(self) -> str:
        changes = ", ".join(f'"{field.column}" = %s' for field in self._changed)
        return f"UPDATE {_table(self._model)} SET {changes} WHERE id = %s"  # noqa: S608


def _field(model: type[models.Model], name: str) -> AnyModelField:
    return cast("AnyModelField", model._meta.get_field(name))


def _json(rows: Collection[models.Model], fields: Fields) -> str:
    names = [(field.column, field.attname) for field in fields]
    values = [{column: getattr(row, name) for column, name in names} for row in rows]
    return orjson.dumps(values, default=str).decode()


def _values(row: models.Model, fields: Fields) -> list[Any]:
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]


def _given(fields: Fields) -> str:
    types = ", ".join(f'"{field.column}" {field.db_type(connection)}' for field in fields)
    return f"json_to_recordset(%s) AS given ({types})"


def _columns(fields: Fields) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)


def _table(model: type[models.Model]) -> str:
    return f'"{model._meta.db_table}"'
