"""`manage.py event_types`: print the table of docs/events.md."""

from __future__ import annotations

from django.conf import settings

from config.management.tables import TableCommand
from integrations.types import TYPES, payload_of

_HEADER = "| type | recorded when | recorded by | payload |\n|---|---|---|---|\n"


class Command(TableCommand):
    help = "Print the table of all types of events. With --write, replace the table of docs/events.md."
    path = settings.BASE_DIR / "docs" / "events.md"

    @classmethod
    def table(cls) -> str:
        """Return a Markdown table of every type of event, sorted by type."""
        return _HEADER + "".join(_row(name) for name in sorted(TYPES))


def _row(name: str) -> str:
    keys = ", ".join(f"`{key}`" for key in payload_of(name))
    return f"| `{name}` | {TYPES[name].text} | {TYPES[name].by} | {keys} |\n"
