"""`manage.py prune_uploads`: remove what was announced and never became part of anything."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from files.actions import KEPT_DAYS, prune


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError("must be a whole number of days, at least 1")
    return int(text)


class Command(BaseCommand):
    help = "Remove uploads that were never attached, bytes and row. Run it once a day; again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=_days, default=KEPT_DAYS, help=f"Older than so many ({KEPT_DAYS})."
        )

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        removed = prune(now=timezone.now(), days=days)
        self.stdout.write(f"{removed:,} uploads removed.")
