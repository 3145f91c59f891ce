"""`manage.py erase_person`: forget one person, as far as a shop may."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.domain.errors import DomainError
from privacy.erase import erase
from privacy.persons import user_called


class Command(BaseCommand):
    help = (
        "Erase a person for ever: his login, messages, files, readings and whatever was written about him, in the "
        "history too. What was repaired and sold stays, without him. Export first what he is to have."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="The email or the uuid of the login.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, person: str, yes: bool, **options: Any) -> None:
        user = user_called(person)
        if user is None:
            raise CommandError(f"Nobody is known as {person}.")
        if not yes and input(f"Erase {user} for ever? Type the email or uuid again: ") != person:
            raise CommandError("Nothing was erased.")
        try:
            done = erase(user, now=timezone.now())
        except DomainError as refused:
            raise CommandError(f"Nothing was erased. {refused.text}") from None
        for table, count in done.items():
            if count:
                self.stdout.write(f"{count:>8,}  {table}")
