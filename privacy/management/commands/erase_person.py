"""`manage.py erase_person`: erase one person's data."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.domain.errors import DomainError
from privacy.erase import erase
from privacy.persons import find_user


class Command(BaseCommand):
    help = (
        "Erase a person permanently: their login, messages, files, readings and all text about them, in the history "
        "too. Records of repairs and sales stay without the person. Run export_person first if they want a copy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="The email or the uuid of the login.")
        parser.add_argument("--yes", action="store_true", help="Skip the confirmation.")

    def handle(self, *args: object, person: str, yes: bool, **options: object) -> None:
        user = find_user(person)
        if user is None:
            raise CommandError(f"There is no user with the email or uuid {person}.")
        if not yes and input(f"Erase {user} permanently? Type the email or uuid again: ") != person:
            raise CommandError("Nothing was erased.")
        try:
            counts = erase(user, now=timezone.now())
        except DomainError as error:
            raise CommandError(f"Nothing was erased. {error.text}") from None
        for table, count in counts.items():
            if count:
                self.stdout.write(f"{count:>8,}  {table}")
