"""Rows of a compiled statement, by the shortest way to them.

On PostgreSQL that is the driver's own cursor, kept between statements: Django's costs as much again as the driver's,
for a wrapper, a new adapters' map and instants decoded in Python. Where somebody listens to Django's cursor (a test
that counts queries, DEBUG's log), the statement goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import local
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Row = Sequence[Any]

_kept = local()  # .connection, .cursor: the psycopg connection this thread read from last, and its cursor


def fetch(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> list[Row]:
    """All rows of a statement. Raises Django's database errors."""
    if connection.vendor == "postgresql" and not (connection.queries_logged or connection.execute_wrappers):
        return _fetch_from_driver(connection, sql, params)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
    return rows


def _fetch_from_driver(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> list[Row]:
    connection.ensure_connection()
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = _cursor_of(connection.connection)
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
    return rows


def _cursor_of(driver: Any) -> Any:
    if getattr(_kept, "connection", None) is not driver:
        import psycopg  # here, because a start on SQLite needs no driver

        cursor = psycopg.Cursor(driver)
        # Django's loader of instants is Python around psycopg's; the connection's time zone is UTC either way.
        loader = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, psycopg.pq.Format.TEXT)
        assert loader
        cursor.adapters.register_loader("timestamptz", loader)
        _kept.connection, _kept.cursor = driver, cursor
    return _kept.cursor
