"""The suite creates its tables from the models, without migrations. Both ways must lead to the same schema."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from testing.servers import database

pytestmark = pytest.mark.django_db

Schema = dict[str, set[str]]

# Django's own migration gives this table's `id` the project's DEFAULT_AUTO_FIELD, its model a plain integer.
EXEMPT = {"django_migrations", "auth_group_permissions"}

# One row per column, index, constraint and trigger: its table, and its definition as PostgreSQL prints it.
POSTGRES = """
SELECT table_name, concat_ws(' ', 'column', column_name, data_type, character_maximum_length, numeric_precision,
    numeric_scale, collation_name, column_default, is_identity, identity_generation, generation_expression,
    'null', is_nullable)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT conrelid::regclass::text, concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'extensions', extname FROM pg_extension
"""


def clauses(sql: str) -> Iterator[str]:
    """Yield the columns and constraints of a CREATE TABLE statement: its parts between commas outside parentheses."""
    body, depth, part = sql[sql.index("(") + 1 : sql.rindex(")")], 0, ""
    for letter in body:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += letter
    yield part.strip()


def definitions(rows: list[tuple[str, str]]) -> Schema:
    """Return the definitions of each table."""
    schema: Schema = {}
    for table, definition in rows:
        if table not in EXEMPT:
            schema.setdefault(table, set()).add(re.sub(r"\s+", " ", definition))
    return schema


def sqlite_rows(sql: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return table and definition of each row (type, table, SQL) of sqlite_master."""
    return [
        (table, part) for kind, table, text in sql for part in (clauses(text) if kind == "table" else [text])
    ]


SQLITE = "SELECT type, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"


def synced() -> Schema:
    with connection.cursor() as cursor:
        cursor.execute(POSTGRES if settings.USE_POSTGRES else SQLITE.replace("%", "%%"), [])
        rows = cursor.fetchall()
    return definitions(rows if settings.USE_POSTGRES else sqlite_rows(rows))


def migrated(env: dict[str, str]) -> Schema:
    if not settings.USE_POSTGRES:
        opened = sqlite3.connect(env["SQLITE_PATH"])
        try:
            return definitions(sqlite_rows(opened.execute(SQLITE).fetchall()))
        finally:
            opened.close()
    login = connection.get_connection_params()
    words = {key: login[key] for key in ("host", "port", "user", "password") if key in login}
    with psycopg.connect(**words, dbname=env["DB_NAME"]) as opened:
        return definitions(opened.execute(POSTGRES).fetchall())


def test_tables_of_the_models_match_the_migrated_ones(tmp_path):
    with database(tmp_path) as env:
        expected = migrated(env)
    tables = synced()
    assert tables.keys() == expected.keys()
    differences = {
        table: {"models": rows - expected[table], "migrations": expected[table] - rows}
        for table, rows in tables.items()
        if rows != expected[table]
    }
    assert differences == {}


def test_schema_has_every_kind_of_definition():
    """Guard the comparison itself: an empty list would always be equal."""
    every = " ".join(sorted(set().union(*synced().values()))).upper()
    kinds = ["CREATE UNIQUE INDEX", "CREATE INDEX", "REFERENCES", "CHECK", "NULL"]
    kinds += ["EXCLUDE USING GIST", "GIN_TRGM_OPS"] if settings.USE_POSTGRES else ["CREATE TRIGGER"]
    assert [kind for kind in kinds if kind not in every] == []
