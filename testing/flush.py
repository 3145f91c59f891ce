"""The database is emptied after each test that commits, without building the permissions again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase

# What `post_migrate` writes: about 2,000 rows, which take 0.2 s. Nothing in these tables refers to another table.
WRITTEN_BY_MIGRATE = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")

_written: dict[str, list[Any]] = {}


def _contents(alias: str) -> list[Any]:
    contents = []
    with connections[alias].cursor() as cursor:
        for table in WRITTEN_BY_MIGRATE:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY id')
            contents.append(cursor.fetchall())
    return contents


def remember_permissions() -> None:
    """Keep the content types, permissions and groups of each new database, to which tests return."""
    for alias in connections:
        _written[alias] = _contents(alias)


def _empty(alias: str) -> None:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    emptied = [table for table in tables if table not in WRITTEN_BY_MIGRATE]
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), emptied))


def flush(case: TransactionTestCase, flush_all: Callable[[TransactionTestCase], None]) -> None:
    """Empty all tables but those that `post_migrate` writes. Flush those as well if the test changed one of them.

    `flush_all` is what Django does after each test.
    """
    aliases = case._databases_names(include_mirrors=False)
    unusual = case.available_apps is not None or case.serialized_rollback
    if unusual or any(_contents(alias) != _written[alias] for alias in aliases):
        flush_all(case)
        for alias in aliases:
            _written[alias] = _contents(alias)
        return
    for alias in aliases:
        _empty(alias)
