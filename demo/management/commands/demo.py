"""`manage.py demo`: fill an empty database with the contracts' own examples."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from demo import loader


class Command(BaseCommand):
    help = "Fill an empty database with the documented demo accounts and rows. Run again, it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = loader.load(now=timezone.now())
        except loader.NotEmpty:
            raise CommandError(
                "This database holds rows that are not the demo's. The demo goes into an empty one only."
            ) from None
        self.stdout.write(
            "Demo data loaded." if loaded else "The demo data is there already; nothing changed."
        )
