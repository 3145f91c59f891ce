"""Lookups that a compiled read can use."""

from __future__ import annotations

from typing import Any

from django.db.models import Lookup


class SameText(Lookup[Any]):
    """Equal, whatever the case. Django's `iexact` escapes its value while it compiles, when a hole has none yet."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        (left, left_params), (right, right_params) = (
            self.process_lhs(compiler, connection),
            self.process_rhs(compiler, connection),
        )
        if connection.vendor == "sqlite":  # its UPPER knows A to Z alone, our LIKE every letter
            sql = f"{left} LIKE {connection.pattern_esc.format(right)} ESCAPE '\\'"
        else:
            sql = f"UPPER({left}) = UPPER({right})"
        return sql, (*left_params, *right_params)
