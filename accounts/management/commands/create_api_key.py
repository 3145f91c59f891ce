"""`manage.py create_api_key`: make a key with which a machine calls the staff's API."""

from __future__ import annotations

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.keys.actions import MOST_DAYS, create_api_key
from accounts.keys.models import KEY_ROLES
from common.domain.errors import DomainError


class Command(BaseCommand):
    help = "Make an API key and print it. It is stored nowhere. The desk's page API keys does the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what uses the key, as the history names it")
        parser.add_argument("--role", choices=KEY_ROLES, required=True)
        parser.add_argument(
            "--days", type=int, help=f"how long it works, at most {MOST_DAYS} (no end by default)"
        )
        parser.add_argument(
            "--address", action="append", default=[], help="an IP address or network from which it works"
        )

    def handle(
        self, *args: object, name: str, role: str, days: int | None, address: list[str], **options: object
    ) -> None:
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"days: Give 1 to {MOST_DAYS}.")
        now = timezone.now()
        try:
            row, key = create_api_key(
                name=name,
                role=role,
                by=None,
                now=now,
                expires_at=now + timedelta(days=days) if days is not None else None,
                addresses=address,
            )
        except DomainError as error:
            raise CommandError(f"{error.field}: {error.text}") from None
        self.stderr.write(f"The key of {row.name}, with the role {role}:")
        self.stdout.write(key)
