"""`manage.py schema_changes`: print what changed in the schema since the last release, or record a release."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.schema_changes import RELEASED, additions, breaking_changes, compact, present, released

Version = tuple[int, ...]


class Command(BaseCommand):
    help = (
        "Print the breaking changes and the new operations since the last released schema. With --release, record "
        "the present schema as released, if its VERSION is high enough."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--release", action="store_true", help="Write docs/released/openapi.yaml.")

    def handle(self, *args: object, release: bool, **options: object) -> None:
        old, new = released(), present()
        broken, added = breaking_changes(old, new), additions(old, new)
        for text in broken:
            self.stdout.write(f"breaks: {text}")
        for text in added:
            self.stdout.write(f"adds: {text}")
        if release:
            version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
            least = least_version(old["info"]["version"], is_broken=bool(broken), is_larger=bool(added))
            if parse_version(version) < parse_version(least):
                raise CommandError(f"VERSION in config/settings.py is {version}. This release needs {least}.")
            RELEASED.write_text(compact(new), encoding="utf-8")


def parse_version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def least_version(released: str, *, is_broken: bool, is_larger: bool) -> str:
    """Return the lowest version of the next release (semver.org)."""
    major, minor, patch = parse_version(released)
    if is_broken:
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if is_larger else f"{major}.{minor}.{patch}"
