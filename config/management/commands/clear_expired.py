"""`manage.py clear_expired`: delete what has expired (docs/design, D58)."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common.domain.expiry import clear_expired


class Command(BaseCommand):
    help = (
        "Delete expired sessions, idempotency keys, finished tasks and imports, and uploads that were never attached. "
        "The worker does this once a day. It may run twice at once."
    )

    def handle(self, *args: object, **options: object) -> None:
        counts = clear_expired(now=timezone.now())
        for name, count in counts.items():
            self.stdout.write(
                f"{name}: failed, see the log" if count is None else f"{name}: {count:,} deleted"
            )
        if None in counts.values():
            raise CommandError("Not everything could be deleted.", returncode=1)
