"""The suite creates its tables from the models, without migrations. Both ways must lead to the same schema."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from testing.schema import POSTGRES, SQLITE, Schema, definitions, sqlite_rows
from testing.servers import database

pytestmark = pytest.mark.django_db


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


def test_tables_of_the_models_match_the_migrated_ones(tmp_path, schema_of_models):
    with database(tmp_path) as env:
        expected = migrated(env)
    tables = schema_of_models
    assert tables.keys() == expected.keys()
    differences = {
        table: {"models": rows - expected[table], "migrations": expected[table] - rows}
        for table, rows in tables.items()
        if rows != expected[table]
    }
    assert differences == {}


def test_schema_has_every_kind_of_definition(schema_of_models):
    """Guard the comparison itself: an empty list would always be equal."""
    every = " ".join(sorted(set().union(*schema_of_models.values()))).upper()
    kinds = ["CREATE UNIQUE INDEX", "CREATE INDEX", "REFERENCES", "CHECK", "NULL"]
    kinds += ["EXCLUDE USING GIST", "GIN_TRGM_OPS"] if settings.USE_POSTGRES else ["CREATE TRIGGER"]
    assert [kind for kind in kinds if kind not in every] == []
