"""The tables of a server's database: read them, compare them after a request, and restore them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from time import monotonic, sleep
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.test import override_settings
from django_tasks_db.models import DBTaskResult

from config import settings as product
from testing.servers import Server

# A page may open a session for its own socket, the search for reminders remembers how far it is, and webhooks are sent.
OF_THE_SERVER = (
    *("accounts_pagesession", "reminders_sweep"),
    *("integrations_webhook", "integrations_delivery", "integrations_attempt"),
)

Row = tuple[Any, ...]
Rows = dict[str, Counter[Row]]  # by table


@contextmanager
def seen_from_here(server: Server) -> Iterator[None]:
    """Connect this process's Django to the server's database. New passwords get the cheap hasher of the tests."""
    own = connections.settings["default"]
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
        _use(own)


def _use(database: dict[str, Any]) -> None:
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = database


def wait_for_tasks(*, seconds: float = 20) -> None:
    """Wait until the server has run the tasks that are due. Raises TimeoutError."""
    end = monotonic() + seconds
    while DBTaskResult.objects.ready().exists() or DBTaskResult.objects.running().exists():
        if monotonic() > end:
            raise TimeoutError(f"Tasks are still due after {seconds} s.")
        sleep(0.05)


@dataclass(frozen=True)
class Change:
    """The rows added to and removed from the tables."""

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
    """The tables of the product, without those in `but` and Django's own."""

    def __init__(self, *, but: Collection[str] = OF_THE_SERVER) -> None:
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
        """Return, by table and column, the known keys of the table that the column refers to, or None."""
        there = {
            table: {row[columns.index("id")] for row in self.known[table]}
            for table, columns in self.columns.items()
            if "id" in columns
        } | {"no keys": set()}
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
        """Return the difference to the known rows."""
        now = self.read()
        return Change(
            {table: more for table in now if (more := now[table] - self.known[table])},
            {table: less for table in now if (less := self.known[table] - now[table])},
        )

    def accept(self) -> None:
        """Make the current rows the known ones."""
        self.known = self.read()
        self.read_at = datetime.now(UTC)
        vars(self).pop("keys", None)

    def restore(self, change: Change) -> None:
        """Restore the known rows of the changed tables."""
        with connection.cursor() as cursor, _without_keys(cursor):
            for table in {*change.added, *change.removed}:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
                marks = ", ".join(["%s"] * len(self.columns[table]))
                cursor.executemany(
                    f"INSERT INTO {connection.ops.quote_name(table)} ({self._list(table)}) VALUES ({marks})",
                    [_stored(row) for row in self.known[table].elements()],
                )


def _refers_to(model: Any, field: Any) -> str:
    """Return the table whose keys the column holds (its own for a primary key), or "" if it is not a key."""
    if field.name == "history_id":
        return "no keys"
    if field.related_model:
        return str(field.related_model._meta.db_table)
    kept = getattr(model, "instance_type", model)  # a history row has the key of the row that it records
    return str(kept._meta.db_table) if field.name == "id" else ""


def _named(table: str, row: Row) -> list[tuple[str, Any]]:
    model = next(m for m in apps.get_models(include_auto_created=True) if m._meta.db_table == table)
    return list(zip((field.column for field in model._meta.concrete_fields), row, strict=True))


class _Json(str):
    """A JSON document of PostgreSQL as text, which can be counted and stored again."""


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return _Json(orjson.dumps(value).decode())
    return bytes(value) if isinstance(value, memoryview) else value


def _stored(row: Row) -> list[Any]:
    """Return the values as the database takes them. SQLite takes a time of day as text alone."""
    return [str(value) if isinstance(value, (_Json, time)) else value for value in row]


@contextmanager
def _without_keys(cursor: Any) -> Iterator[None]:
    """Suspend foreign keys, so that tables can be restored in any order."""
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
