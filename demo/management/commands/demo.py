"""`manage.py demo`: fill an empty database with the contracts' own examples."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from demo import loader


class Command(BaseCommand):
    help = "Fill an empty database with the documented demo accounts and rows. Run again, it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset",
            action="store_true",
            help="Remove the embedded SQLite database first, migrate and load anew.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="With --reset: also empty a PostgreSQL database that holds rows.",
        )

    def handle(self, *args: Any, reset: bool, force: bool, **options: Any) -> None:
        if reset:
            self._reset(is_forced=force)
        try:
            loaded = loader.load(now=timezone.now())
        except loader.NotEmpty:
            raise CommandError(
                "This database holds rows that are not the demo's. The demo goes into an empty one only."
            ) from None
        self.stdout.write(
            "Demo data loaded." if loaded else "The demo data is there already; nothing changed."
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
                    f"The database {name} holds rows. `make reset-demo FORCE=yes` removes all of them."
                )
            self.stdout.write(f"Removing all rows of the database {name}")
            call_command("flush", interactive=False, verbosity=0)


def remove_sqlite(path: Path) -> None:
    """Remove a database and its log files. Raise CommandError while another process has it open."""
    if path.exists():
        try:
            with closing(sqlite3.connect(path, timeout=0)) as database:
                # Only the last connection may leave WAL mode.
                database.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            raise CommandError(f"{path} is in use. Stop `make run` first.") from None
        except sqlite3.DatabaseError:
            pass  # not a database any more, which is a reason to remove it
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        file.unlink(missing_ok=True)
