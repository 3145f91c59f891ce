"""A server's database, seen from here: what its tables hold, what a request changed, and the way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.test import override_settings

from config import settings as product
from testing.servers import Server

Row = tuple[Any, ...]
Rows = dict[str, Counter[Row]]  # by table


@contextmanager
def seen_from_here(server: Server) -> Iterator[None]:
    """This process's Django over the server's database. Passwords are hashed the cheap way unless asked otherwise."""
    mine = connections.settings["default"]
    is_postgres = server.env["USE_POSTGRES"] == "true"
    wanted = dict(settings.POSTGRES if is_postgres else product._SQLITE)
    wanted["NAME"] = server.env["DB_NAME" if is_postgres else "SQLITE_PATH"]
    wanted["OPTIONS"] = {name: value for name, value in wanted["OPTIONS"].items() if name != "pool"}
    _use(connections.configure_settings({"default": wanted})["default"])
    hashers = [*settings.PASSWORD_HASHERS, *product.PASSWORD_HASHERS]
    try:
        with override_settings(PASSWORD_HASHERS=hashers):
            yield
    finally:
        _use(mine)


def _use(database: dict[str, Any]) -> None:
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = database


@dataclass(frozen=True)
class Change:
    """What became of the tables: rows that are there now and were not, and the other way round."""

    added: Rows
    removed: Rows

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __str__(self) -> str:
        parts = [
            f"+ {table} {dict(_named(table, row))}" for table, rows in self.added.items() for row in rows
        ]
        parts += [
            f"- {table} {dict(_named(table, row))}" for table, rows in self.removed.items() for row in rows
        ]
        return "; ".join(parts)[:1500]


class Tables:
    """Every table of the product, but for those named and what Django keeps about itself."""

    def __init__(self, *, but: Collection[str] = ("django_session",)) -> None:
        self.models = [
            model
            for model in apps.get_models(include_auto_created=True)
            if model._meta.db_table not in but and model._meta.app_label not in ("contenttypes", "auth")
        ]
        self.columns = {
            model._meta.db_table: [field.column for field in model._meta.concrete_fields]
            for model in self.models
        }
        self.accept()

    @cached_property
    def keys(self) -> dict[str, list[set[Any] | None]]:
        """By table and column the keys that there were in the table that the column refers to; None for others."""
        there = {
            table: {row[columns.index("id")] for row in self.known[table]}
            for table, columns in self.columns.items()
            if "id" in columns
        } | {"nothing was there": set()}
        return {
            model._meta.db_table: [
                there.get(_refers_to(model, field)) for field in model._meta.concrete_fields
            ]
            for model in self.models
        }

    def read(self) -> Rows:
        with connection.cursor() as cursor:
            return {table: self._read(cursor, table) for table in self.columns}

    def _read(self, cursor: Any, table: str) -> Counter[Row]:
        cursor.execute(f"SELECT {self._list(table)} FROM {connection.ops.quote_name(table)}")
        return Counter(tuple(_plain(value) for value in row) for row in cursor.fetchall())

    def _list(self, table: str) -> str:
        return ", ".join(connection.ops.quote_name(column) for column in self.columns[table])

    def change(self) -> Change:
        """Against what was known."""
        now = self.read()
        return Change(
            {table: more for table in now if (more := now[table] - self.known[table])},
            {table: less for table in now if (less := self.known[table] - now[table])},
        )

    def accept(self) -> None:
        """What is there now is what is known."""
        self.known = self.read()
        self.read_at = datetime.now(UTC)
        vars(self).pop("keys", None)

    def restore(self, change: Change) -> None:
        """Put back what was known, as though the request had never been."""
        with connection.cursor() as cursor, _without_keys(cursor):
            for table in {*change.added, *change.removed}:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
                marks = ", ".join(["%s"] * len(self.columns[table]))
                cursor.executemany(
                    f"INSERT INTO {connection.ops.quote_name(table)} ({self._list(table)}) VALUES ({marks})",
                    [_stored(row) for row in self.known[table].elements()],
                )


def _refers_to(model: Any, field: Any) -> str:
    """The table whose keys stand in the column; its own for its key, none for what is no key."""
    if field.name == "history_id":
        return "nothing was there"
    if field.related_model:
        return str(field.related_model._meta.db_table)
    kept = getattr(model, "instance_type", model)  # a row of history has the key of the row that it keeps
    return str(kept._meta.db_table) if field.name == "id" else ""


def _named(table: str, row: Row) -> list[tuple[str, Any]]:
    model = next(m for m in apps.get_models(include_auto_created=True) if m._meta.db_table == table)
    return list(zip((field.column for field in model._meta.concrete_fields), row, strict=True))


class _Json(str):
    """A document of PostgreSQL's, as text that can be counted and put back."""


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return _Json(orjson.dumps(value).decode())
    return bytes(value) if isinstance(value, memoryview) else value


def _stored(row: Row) -> list[Any]:
    return [str(value) if isinstance(value, _Json) else value for value in row]


@contextmanager
def _without_keys(cursor: Any) -> Iterator[None]:
    """Tables are emptied and filled in any order."""
    if connection.vendor == "postgresql":
        cursor.execute("SET session_replication_role = replica")
    else:
        cursor.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("PRAGMA foreign_keys = ON")
