"""`manage.py evidence`: write what was estimated and authorised for one repair order into an archive."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.domain.errors import DomainError
from repair_orders.evidence import write_evidence
from repair_orders.models import RepairOrder


class Command(BaseCommand):
    help = (
        "Write the estimates of a repair order into a ZIP archive: each revision as JSON and PDF with its digest, all "
        "authorisations, the history and the mails. README.txt in it says how to check the digests. The exit code is "
        "1 if nothing was written, and 2 if a stored revision does not have its digest."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("order", type=int, help="The id of the repair order.")
        parser.add_argument("archive", type=Path, help="The file to write. It must not exist.")

    def handle(self, *args: object, order: int, archive: Path, **options: object) -> None:
        row = RepairOrder.objects.select_related("location").filter(pk=order).first()
        if row is None:
            raise CommandError(f"There is no repair order {order}.")
        try:
            # Only the owner can read it from the beginning, because it holds personal data.
            descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise CommandError(f"{archive} already exists: give the name of a new file.") from None
        except OSError as error:
            raise CommandError(f"{archive} cannot be written: {error.strerror}.") from None
        try:
            with os.fdopen(descriptor, "wb") as file, ZipFile(file, "w") as output:
                evidence = write_evidence(row, output, now=timezone.now())
        except BaseException as error:
            archive.unlink()
            if isinstance(error, DomainError):
                raise CommandError(f"Nothing was written. {error.text}") from None
            raise
        self.stdout.write(f"{evidence.files} files written to {archive}.")
        if evidence.altered:
            revisions = ", ".join(map(str, evidence.altered))
            raise CommandError(f"Revisions that do not have their digest: {revisions}.", returncode=2)
