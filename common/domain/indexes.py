"""Indexes for searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import Expression, Model, OrderBy
from django.db.models.functions import Collate, Upper
from django.db.models.indexes import IndexExpression

from common.domain.search import Searched

# `django.contrib.postgres`, which is not installed, registers the same: an operator class stands outside of the
# parentheses.
IndexExpression.register_wrappers(OrderBy, OpClass, Collate)


class Trigrams(GinIndex):
    """An index for searches: it finds words of three letters or more within a `Searched`.

    It exists only on PostgreSQL (with pg_trgm). SQLite has no such index and reads the rows.
    """

    def __init__(self, *columns: str | Expression, name: str) -> None:
        self.columns = columns
        super().__init__(*(OpClass(_capitals(column), name="gin_trgm_ops") for column in columns), name=name)

    def deconstruct(self) -> tuple[str, Sequence[str | Expression], dict[str, Any]]:
        path, _, _ = super().deconstruct()
        return path, self.columns, {"name": self.name}

    def create_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Statement:
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        return _nothing(model, schema_editor)

    def remove_sql(  # type: ignore[override]  # the stubs say str
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any
    ) -> Statement:
        if schema_editor.connection.vendor == "postgresql":
            return super().remove_sql(model, schema_editor, **kwargs)  # type: ignore[return-value]
        return _nothing(model, schema_editor)


def _capitals(column: str | Expression) -> Expression:
    # A `Searched` is in capitals. Indexes of the first migrations name columns.
    return column if isinstance(column, Searched) else Upper(column)


def _nothing(model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> Statement:
    """Return a statement without effect, because the schema editor executes one in any case."""
    return Statement("SELECT 1", table=Table(model._meta.db_table, schema_editor.quote_name))
