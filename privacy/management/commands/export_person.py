"""`manage.py export_person`: export one person's data."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from django.core.management.base import BaseCommand, CommandError, CommandParser

from privacy.export import export
from privacy.persons import find_user, get_person


class Command(BaseCommand):
    help = "Write all data of a person into a ZIP archive: one JSON file for each table, and their uploads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="The email or the uuid of the login.")
        parser.add_argument("archive", type=Path, help="The file to write. It must not exist.")

    def handle(self, *args: object, person: str, archive: Path, **options: object) -> None:
        user = find_user(person)
        if user is None:
            raise CommandError(f"There is no user with the email or uuid {person}.")
        try:
            with archive.open("xb") as file, ZipFile(file, "w") as output:
                count = export(get_person(user), output)
        except FileExistsError:
            raise CommandError(f"{archive} already exists: give the name of a new file.") from None
        archive.chmod(0o600)
        self.stdout.write(f"{count:,} rows written to {archive}.")
