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

from chat.sockets.consumer import MAX_FRAME_BYTES
from common.domain.database import bound_waits
from common.domain.tasks import start_thread, stop_thread
from demo import loader

_LAST_TASK_SECONDS = 5  # how long the end of the process waits for a task. Another process would repeat it


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
            self._say("Migrating the database")
            call_command("migrate", verbosity=0)
        if options["demo"]:
            if loader.is_empty():
                self._say("Loading the demo data")
            try:
                loader.load(now=timezone.now())
            except loader.NotEmpty:
                self.stdout.write("The database is in use; the demo data stays out of it.")
        connection.close()  # it belongs to this thread; the server's threads open their own
        self._say(f"http://localhost:{port}/api/docs/")
        if host not in ("127.0.0.1", "localhost"):
            self._say(f"From other machines and phones in this network: {settings.PUBLIC_URL}/api/docs/")
        config = uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            # Else X-Forwarded-For of a client on this machine would replace the address, whatever TRUSTED_PROXIES is.
            proxy_headers=False,
            ws="chat.sockets.protocol:Protocol",
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,  # frames are short, and compressing costs each reader
            timeout_graceful_shutdown=10,
            server_header=False,
        )
        bound_waits()
        if settings.TASKS_RUN_IN == "thread":
            start_thread()  # before the first request, for tasks that an earlier process left
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run()
        stop_thread(seconds=_LAST_TASK_SECONDS)

    def _say(self, line: str) -> None:
        """Print at once, also where the output is a file or a pipe."""
        self.stdout.write(line)
        self.stdout.flush()
