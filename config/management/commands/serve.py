"""`manage.py serve`: migrate, load the demo data with `--demo`, and serve, in one process for a fast start."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import uvicorn
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chat.socket import LARGEST_FRAME
from demo import loader


def is_older(executor: MigrationExecutor) -> bool:
    """Return whether the database has migrations of the first edition, which this release does not know."""
    own = {config.label for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR}
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    return any(app in own for app, _ in unknown)


class Command(BaseCommand):
    help = "Serve HTTP and sockets on one port. docs/deploy.md describes the servers of production."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="Load the demo data into an empty database.")

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        executor = MigrationExecutor(connection)
        if is_older(executor):
            raise CommandError("This database is older than this release; run make reset-demo")
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0)
        if options["demo"]:
            try:
                loader.load(now=timezone.now())
            except loader.NotEmpty:
                self.stdout.write("The database is not empty, so the demo data is not loaded.")
        connection.close()  # the server's threads open their own
        self.stdout.write(f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/api/docs/")
        self.stdout.flush()
        config = uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            ws="chat.protocol:Protocol",
            ws_max_size=LARGEST_FRAME,
            ws_per_message_deflate=False,  # frames are short, and compression costs time per connection
            timeout_graceful_shutdown=10,
            server_header=False,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run()
