"""The migrations: their common start, their way back, and databases of another release."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from importlib import import_module

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from testing.servers import database, free_port, manage

OWN = sorted(
    config.label
    for config in apps.get_app_configs()
    if config.path.startswith(f"{settings.BASE_DIR}/")
    and (settings.BASE_DIR / config.label / "migrations").is_dir()
)
# From the top floor down. Django's admin log refers to our users.
REVERSED = [
    *(
        "integrations",
        "reminders",
        "chat",
        "memberships",
        "billing",
        "passports",
        "orders",
        "inspections",
        "repair_orders",
        "appointments",
        "vehicles",
        "catalogue",
    ),
    *("files", "customers", "admin", "accounts", "common"),
]
INITIALS = [label for label in OWN if label != "common"]


def test_every_app_with_tables_is_reversed():
    assert set(OWN) <= set(REVERSED)


@pytest.mark.parametrize("label", INITIALS)
def test_first_migration_depends_on_the_extensions(label):
    """makemigrations omits the dependency. SQLite works without it, PostgreSQL fails without its extensions."""
    migration = import_module(f"{label}.migrations.0001_initial").Migration
    assert ("common", "0001_initial") in migration.dependencies


def execute(env: dict[str, str], sql: str) -> list[tuple[str, ...]]:
    if not settings.USE_POSTGRES:
        with sqlite3.connect(env["SQLITE_PATH"]) as opened:
            return opened.execute(sql).fetchall()
    login = connection.get_connection_params()
    words = {key: login[key] for key in ("host", "port", "user", "password") if key in login}
    with psycopg.connect(**words, dbname=env["DB_NAME"]) as opened:
        cursor = opened.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.slow
@pytest.mark.server
def test_migrations_can_be_reversed_and_applied_again(tmp_path):
    with database(tmp_path) as env:
        env = {**env, "DEBUG": "true"}
        for label in REVERSED:
            manage(env, "migrate", label, "zero")
        assert (
            execute(env, "SELECT app FROM django_migrations WHERE app IN ('accounts', 'common', 'chat')")
            == []
        )
        manage(env, "migrate")
        found = execute(env, "SELECT count(*) FROM accounts_user")
        assert found == [(0,)]


@pytest.mark.server
def test_serve_refuses_a_database_of_an_older_release(tmp_path):
    with database(tmp_path) as env:
        execute(
            env,
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('repair_orders', '0005_growth', '2026-11-21 13:37:00')",
        )
        outcome = subprocess.run(
            [sys.executable, "manage.py", "serve", "--port", str(free_port())],
            cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", **env},
        )  # fmt: skip
    assert outcome.returncode == 1
    assert "This database is older than this release; run make reset-demo" in outcome.stderr
