"""`manage.py export_person`: everything that is held of one person, for him to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from django.core.management.base import BaseCommand, CommandError, CommandParser

from privacy.export import export
from privacy.persons import person_of, user_called


class Command(BaseCommand):
    help = (
        "Write all that is held of a person into a ZIP archive: one JSON file a table, and what he uploaded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="The email or the uuid of the login.")
        parser.add_argument("archive", type=Path, help="The file to write; it must not be there yet.")

    def handle(self, *args: Any, person: str, archive: Path, **options: Any) -> None:
        user = user_called(person)
        if user is None:
            raise CommandError(f"Nobody is known as {person}.")
        try:
            with archive.open("xb") as file, ZipFile(file, "w") as written:
                count = export(person_of(user), written)
        except FileExistsError:
            raise CommandError(f"{archive} is there already.") from None
        archive.chmod(0o600)
        self.stdout.write(f"{count:,} rows written to {archive}.")
