"""Read the schema of a database, one text per column, index, constraint and trigger."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.db import connection

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


def present() -> Schema:
    """Return the schema of Django's database."""
    with connection.cursor() as cursor:
        cursor.execute(POSTGRES if settings.USE_POSTGRES else SQLITE.replace("%", "%%"), [])
        rows = cursor.fetchall()
    return definitions(rows if settings.USE_POSTGRES else sqlite_rows(rows))
