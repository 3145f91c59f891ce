"""`manage.py serve`: migrate, load the demo if asked, serve - in one process, so that it starts fast."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chat.sockets.consumer import MAX_FRAME_BYTES
from demo import loader

# While the loop was busy the kernel took in connections and requests, which it would reset with their sockets. One
# round of the loop accepts, two more set the connection up, and the next one reads what it says.
_ROUNDS = 8


class Server(uvicorn.Server):
    """Uvicorn, which answers whoever was there before it was told to stop, and says that the connection closes, so that
    nobody asks once more on it."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        closing = (b"connection", b"close")
        self.server_state.default_headers = [*self.server_state.default_headers, closing]
        for one in self.server_state.connections:
            # A WebSocket has none, nor has a connection before its request.
            cycle = getattr(one, "cycle", None)
            if cycle is not None:
                cycle.default_headers = [*cycle.default_headers, closing]
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        await super().shutdown(sockets)


def is_older(executor: MigrationExecutor) -> bool:
    """Return whether the database has migrations of the first edition, which this release does not know."""
    own = {config.label for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR}
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    return any(app in own for app, _ in unknown)


class Command(BaseCommand):
    help = (
        "Serve HTTP and sockets on one port. The embedded server; production runs what docs/deploy.md says."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="Load the demo data into an empty database.")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        executor = MigrationExecutor(connection)
        if is_older(executor):
            raise CommandError("This database is older than this release; run make reset-demo")
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0)
        if options["demo"]:
            try:
                loader.load(now=timezone.now())
            except loader.NotEmpty:
                self.stdout.write("The database is in use; the demo data stays out of it.")
        connection.close()  # it belongs to this thread; the server's threads open their own
        self.stdout.write(f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/api/docs/")
        self.stdout.flush()
        config = uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            ws="chat.sockets.protocol:Protocol",
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,  # frames are short, and compressing costs each reader
            timeout_graceful_shutdown=10,
            server_header=False,
        )
        with suppress(KeyboardInterrupt):
            Server(config).run()
