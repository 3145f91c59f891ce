"""Ids that a contract prints are given; the database numbers the rest, and must not run into them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.management.color import no_style
from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def create(table: type[Row], /, number: int | None = None, **fields: Any) -> Row:
    """A row under the printed id `number`, or under the next free one."""
    if number is None:
        return table._default_manager.create(**fields)
    row = table._default_manager.create(id=number, **fields)
    continue_after(table)
    return row


def continue_after(*tables: type[models.Model]) -> None:
    """The next row of each gets the highest id plus one. SQLite does so by itself; PostgreSQL's sequence is told."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
