"""`manage.py asyncapi`: print the AsyncAPI document of the sockets."""

from __future__ import annotations

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.asyncapi import document


class Command(BaseCommand):
    help = "Print the AsyncAPI document of the sockets. With --write, replace docs/asyncapi.yaml."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="Replace docs/asyncapi.yaml.")

    def handle(self, *args: object, write: bool, **options: object) -> None:
        text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
        if write:
            (settings.BASE_DIR / "docs" / "asyncapi.yaml").write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text, ending="")
