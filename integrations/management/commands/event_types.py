"""`manage.py event_types`: write the table of docs/events.md."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integrations.types import TYPES, payload_of

PAGE = settings.BASE_DIR / "docs" / "events.md"
MARKER = "<!-- The generated table replaces what follows this line. -->"
_HEADER = "| type | recorded when | recorded by | payload |\n|---|---|---|---|\n"


class Command(BaseCommand):
    help = "Print the table of all types of events. With --write, replace the table of docs/events.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="Replace the table of docs/events.md.")

    def handle(self, *args: object, write: bool, **options: object) -> None:
        if write:
            PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            self.stdout.write(table(), ending="")


def page(text: str) -> str:
    """Return the page with the table of this release."""
    return f"{text.partition(MARKER)[0]}{MARKER}\n\n{table()}"


def table() -> str:
    """Return a Markdown table of every type of event, sorted by type."""
    return _HEADER + "".join(_row(name) for name in sorted(TYPES))


def _row(name: str) -> str:
    keys = ", ".join(f"`{key}`" for key in payload_of(name))
    return f"| `{name}` | {TYPES[name].text} | {TYPES[name].by} | {keys} |\n"
