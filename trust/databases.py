"""Access to the database of a server without the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.models import ForeignKey
from django.db.utils import ConnectionHandler


@contextmanager
def looking_into(env: dict[str, str]) -> Iterator[None]:
    """Point the ORM of this thread to the database of that environment (`testing.servers.database`)."""
    config: dict[str, Any]
    if env["USE_POSTGRES"] == "true":
        config = {key: value for key, value in settings.POSTGRES.items() if key != "OPTIONS"}
        named = {"NAME": "DB_NAME", "HOST": "DB_HOST", "PORT": "DB_PORT", "USER": "DB_USER"}
        config |= {key: env[name] for key, name in named.items() if name in env}
    else:
        config = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env["SQLITE_PATH"],
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        }
    kept = connections["default"]
    connections["default"] = ConnectionHandler({"default": config})["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = kept


def faults() -> list[str]:
    """Return the corruptions of the connected database: broken pages or indexes, foreign keys without their row."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
        return _rows_of(_HEAPS) + _broken_indexes() + _orphans()
    lines = _rows_of("PRAGMA integrity_check")
    return [line for line in lines if line != "ok"] + _rows_of("PRAGMA foreign_key_check")


_OURS = "c.relnamespace = 'public'::regnamespace AND c.relpersistence = 'p'"
_HEAPS = f"SELECT c.relname, v.msg FROM pg_class c, verify_heapam(c.oid) v WHERE c.relkind = 'r' AND {_OURS}"
_INDEXES = (
    "SELECT c.oid::regclass FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid "
    f"JOIN pg_am m ON m.oid = c.relam WHERE m.amname = 'btree' AND i.indisvalid AND {_OURS}"
)


def _rows_of(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [" ".join(map(str, row)) for row in cursor.fetchall()]


def _broken_indexes() -> list[str]:
    """Check each B-tree against its table with amcheck, and return the failures."""
    broken = []
    for index in _rows_of(_INDEXES):
        try:
            _rows_of(f"SELECT bt_index_check('{index}', true)")
        except DatabaseError as error:
            broken.append(f"{index}: {error}")
    return broken


def _orphans() -> list[str]:
    quote = connection.ops.quote_name
    found = []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field.db_constraint:
                table, column = quote(model._meta.db_table), quote(field.column)
                there = quote(field.related_model._meta.db_table)
                key = quote(field.target_field.column)
                (lost,) = _rows_of(
                    f"SELECT count(*) FROM {table} a WHERE {column} IS NOT NULL "
                    f"AND NOT EXISTS (SELECT 1 FROM {there} b WHERE b.{key} = a.{column})"
                )
                if lost != "0":
                    found.append(f"{lost} rows of {table} have a {column} without its row")
    return found
