"""`manage.py demo`: load the examples of the contracts into an empty database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from demo import loader


class Command(BaseCommand):
    help = "Load the documented demo accounts and rows into an empty database. A second run changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset",
            action="store_true",
            help="First remove the embedded SQLite database and migrate.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="With --reset: also delete the rows of a PostgreSQL database.",
        )

    def handle(self, *args: object, reset: bool, force: bool, **options: object) -> None:
        if reset:
            self._reset(is_forced=force)
        try:
            loaded = loader.load(now=timezone.now())
        except loader.NotEmpty:
            raise CommandError(
                f"The database {connection.settings_dict['NAME']} holds rows that are not demo data. "
                "Use an empty database."
            ) from None
        self.stdout.write(
            "Demo data loaded." if loaded else "The demo data is already loaded. Nothing changed."
        )

    def _reset(self, *, is_forced: bool) -> None:
        if connection.vendor == "sqlite":
            path = Path(connection.settings_dict["NAME"])
            if path.exists():
                self.stdout.write(f"Removing the database {path}")
            remove_sqlite(path)
        self.stdout.write("Migrating")
        call_command("migrate", verbosity=0)
        if not loader.is_empty():
            name = connection.settings_dict["NAME"]
            if not is_forced:
                raise CommandError(
                    f"The database {name} holds rows. `make reset-demo FORCE=yes` removes all rows."
                )
            self.stdout.write(f"Removing all rows of the database {name}")
            call_command("flush", interactive=False, verbosity=0)


def remove_sqlite(path: Path) -> None:
    """Remove a database and its log files. Raise CommandError if another process has it open."""
    if path.exists():
        try:
            with closing(sqlite3.connect(path, timeout=0)) as database:
                # SQLite allows only the last connection to leave WAL mode.
                database.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            raise CommandError(f"{path} is in use. Stop `make run` first.") from None
        except sqlite3.DatabaseError:
            pass  # a broken database is removed too
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        file.unlink(missing_ok=True)
