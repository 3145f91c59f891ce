"""Create rows with the ids that a contract prints, and keep the sequences of the database above them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.management.color import no_style
from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def create(table: type[Row], /, number: int | None = None, **fields: Any) -> Row:
    """Create a row with the printed id `number`, or with the next free id."""
    if number is None:
        return table._default_manager.create(**fields)
    row = table._default_manager.create(id=number, **fields)
    continue_after(table)
    return row


def continue_after(*tables: type[models.Model]) -> None:
    """Set the sequences of the tables to their highest id, also down to it after rows were deleted."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
        if connection.vendor == "sqlite":  # Django has no statement for it
            for table in tables:
                name, key = table._meta.db_table, table._meta.pk.column
                cursor.execute(
                    f'UPDATE sqlite_sequence SET seq = (SELECT coalesce(max("{key}"), 0) FROM "{name}") '  # noqa: S608  # names of models
                    "WHERE name = %s",
                    [name],
                )
