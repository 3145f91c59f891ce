"""`manage.py demo --reset`: which databases it empties and which it refuses."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from demo.management.commands import demo as command
from testing.factories import UserFactory


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.sqlite3"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE appointments (id)")
    return path


def test_sqlite_database_is_removed_with_its_logs(database):
    database.with_name("shop.sqlite3-wal").write_bytes(b"")
    command.remove_sqlite(database)
    command.remove_sqlite(database)  # no file is left to remove
    assert list(database.parent.iterdir()) == []


def test_broken_sqlite_database_is_removed(tmp_path):
    path = tmp_path / "shop.sqlite3"
    path.write_text("not a database")
    command.remove_sqlite(path)
    assert not path.exists()


def test_sqlite_database_of_running_server_is_not_removed(database):
    with closing(sqlite3.connect(database)) as server:
        server.execute("SELECT * FROM appointments").fetchall()
        with pytest.raises(CommandError, match="is in use"):
            command.remove_sqlite(database)
        assert server.execute("SELECT * FROM appointments").fetchall() == []


@pytest.fixture
def migrated(monkeypatch):
    """Skip migrations, because the tables of the test database are created from the models."""
    monkeypatch.setattr(
        command, "call_command", lambda name, **options: name == "migrate" or call_command(name, **options)
    )
    monkeypatch.setattr(command, "remove_sqlite", lambda path: None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="on SQLite the file is removed")
def test_postgresql_database_with_rows_is_emptied_only_with_force(migrated, capsys):
    user = UserFactory()
    with pytest.raises(CommandError, match="FORCE=yes"):
        call_command("demo", reset=True)
    assert User.objects.get() == user
    call_command("demo", reset=True, force=True)
    assert not User.objects.filter(email=user.email).exists()
    name = connection.settings_dict["NAME"]
    assert capsys.readouterr().out.splitlines() == [
        "Migrating", "Migrating", f"Removing all rows of the database {name}", "Demo data loaded.",
    ]  # fmt: skip


@pytest.mark.django_db
def test_empty_database_needs_no_force(migrated, capsys):
    call_command("demo", reset=True)
    assert capsys.readouterr().out.splitlines()[-1] == "Demo data loaded."
