"""Django's `runserver`, with static files by WhiteNoise, and a word about sockets."""

from __future__ import annotations

from django.contrib.staticfiles.management.commands.runserver import Command as StaticCommand
from django.core.management.base import CommandParser


class Command(StaticCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(use_static_handler=False)  # WhiteNoise serves them, as in production

    def on_bind(self, server_port: int) -> None:
        super().on_bind(server_port)
        self.stdout.write(
            "This server reloads changed code and has no sockets: /chat/ws answers 404 here. `make run`, or\n"
            "`manage.py serve --port 8001`, serves HTTP and sockets on one port, over the same database."
        )
