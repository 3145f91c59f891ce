"""Lookups that a compiled read can use."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class SameText(Lookup[str]):
    """Compare text regardless of case.

    Django's `iexact` escapes its value while it compiles, when a `Param` has no value yet.
    """

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        (left, left_params), (right, right_params) = (
            self.process_lhs(compiler, connection),
            self.process_rhs(compiler, connection),
        )
        # SQLite's UPPER knows only A to Z. Our LIKE knows every letter.
        if isinstance(connection, SQLite):
            sql = f"{left} LIKE {connection.pattern_esc.format(right)} ESCAPE '\\'"
        else:
            sql = f"UPPER({left}) = UPPER({right})"
        return sql, (*left_params, *right_params)
