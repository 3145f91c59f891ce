"""Rows of a compiled statement, by the shortest way to them.

On PostgreSQL that is libpq itself: the statement is prepared once a connection, its parameters travel as text, and the
driver's C code makes the rows. Django's cursor takes four times as long for the same (a wrapper, an adapters' map and
a generator made anew each time, instants decoded in Python). Its way is taken where somebody listens to it (a test
that counts queries, DEBUG's log) and within a transaction, which the driver opens late.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from threading import local
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    import psycopg

Row = Sequence[Any]

_SQLSTATE = ord("C")  # libpq's PG_DIAG_SQLSTATE
_FORGOTTEN = b"26000"  # psycopg deallocates everything after a rollback
_numbers = count(1)


def fetch(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> list[Row]:
    """All rows of a statement. Raises Django's database errors."""
    if (
        connection.vendor == "postgresql"
        and not connection.in_atomic_block
        and not (connection.queries_logged or connection.execute_wrappers)
    ):
        if connection.connection is None:
            connection.ensure_connection()
        connection.validate_thread_sharing()
        if connection.connection.autocommit:
            with connection.wrap_database_errors:
                return _prepared_on(connection.connection).fetch(sql, params)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
    return rows


class _Prepared:
    """What one connection has prepared: a statement's text -> its name."""

    def __init__(self, connection: psycopg.Connection[Any], names: dict[str, bytes]) -> None:
        from psycopg import Cursor, adapters, pq
        from psycopg.adapt import PyFormat, Transformer

        self.connection = connection
        self.names = names
        self.cursor = Cursor(connection)  # for its loaders alone
        # Django's loader of instants is Python around psycopg's; the connection's time zone is UTC either way.
        loader = adapters.get_loader(adapters.types["timestamptz"].oid, pq.Format.TEXT)
        assert loader
        self.cursor.adapters.register_loader("timestamptz", loader)
        self.transformer, self.text, self.rows = Transformer, PyFormat.TEXT, pq.ExecStatus.TUPLES_OK

    def fetch(self, sql: str, params: Sequence[Any]) -> list[Row]:
        transformer = self.transformer(self.cursor)
        spelled: list[Any] = transformer.dump_sequence(params, [self.text] * len(params))  # type: ignore[assignment]
        driver = self.connection.pgconn
        result = driver.exec_prepared(self.names.get(sql) or self._prepare(sql), spelled)
        if result.error_field(_SQLSTATE) == _FORGOTTEN:
            self.names.clear()
            result = driver.exec_prepared(self._prepare(sql), spelled)
        if result.status != self.rows:
            self._refuse(result)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def _prepare(self, sql: str) -> bytes:
        from psycopg import pq

        name = b"read_%d" % next(_numbers)
        # Types are left to the server, as for a literal in the parameter's place.
        result = self.connection.pgconn.prepare(name, _numbered(sql).encode())
        if result.status != pq.ExecStatus.COMMAND_OK:
            self._refuse(result)
        self.names[sql] = name
        return name

    def _refuse(self, result: Any) -> NoReturn:
        from psycopg import OperationalError, pq
        from psycopg.errors import error_from_result

        if self.connection.pgconn.status != pq.ConnStatus.OK:  # no server left to say why
            raise OperationalError("the connection was lost")
        raise error_from_result(result, encoding="utf-8")


def _numbered(sql: str) -> str:
    """Python's `%s` as PostgreSQL's `$1`, `$2`, and so on."""
    number = count(1)
    return re.sub("%[%s]", lambda hole: f"${next(number)}" if hole[0] == "%s" else "%", sql)


_names: WeakKeyDictionary[Any, dict[str, bytes]] = (
    WeakKeyDictionary()
)  # a pool hands a connection to many threads
_kept = local()  # what this thread read from last


def _prepared_on(connection: psycopg.Connection[Any]) -> _Prepared:
    kept: _Prepared | None = getattr(_kept, "prepared", None)
    if kept is None or kept.connection is not connection:
        kept = _kept.prepared = _Prepared(connection, _names.setdefault(connection, {}))
    return kept
