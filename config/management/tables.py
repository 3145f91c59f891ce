"""Commands that write the generated table of a page of docs/."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from django.core.management.base import BaseCommand, CommandParser

MARKER = "<!-- The generated table replaces what follows this line. -->"


class TableCommand(BaseCommand):
    """Print a Markdown table. With --write, replace the one of `path`, which follows the marker."""

    requires_system_checks = ()
    path: ClassVar[Path]

    @classmethod
    def table(cls) -> str:
        """Return the table of this release."""
        raise NotImplementedError

    @classmethod
    def page(cls) -> str:
        """Return the page with the table of this release."""
        return f"{cls.path.read_text(encoding='utf-8').partition(MARKER)[0]}{MARKER}\n\n{cls.table()}"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--write", action="store_true", help=f"Replace the table of docs/{self.path.name}."
        )

    def handle(self, *args: object, write: bool, **options: object) -> None:
        if write:
            self.path.write_text(self.page(), encoding="utf-8")
        else:
            self.stdout.write(self.table(), ending="")
