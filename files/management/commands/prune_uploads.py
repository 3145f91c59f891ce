"""`manage.py prune_uploads`: remove uploads that were announced and never attached."""

from __future__ import annotations

from argparse import ArgumentTypeError

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from files.actions import PRUNE_AFTER_DAYS, prune

MAX_DAYS = 36_500


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_DAYS:
        raise ArgumentTypeError(f'must be a whole number of days from 1 to {MAX_DAYS:,}, not "{text}"')
    return int(text)


class Command(BaseCommand):
    help = "Remove uploads that were never attached, with their files. Run it once a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=_days,
            default=PRUNE_AFTER_DAYS,
            help=f"Remove uploads announced at least this many days ago (default: {PRUNE_AFTER_DAYS}).",
        )

    def handle(self, *args: object, days: int, **options: object) -> None:
        removed = prune(now=timezone.now(), days=days)
        self.stdout.write(f"{removed:,} uploads removed.")
