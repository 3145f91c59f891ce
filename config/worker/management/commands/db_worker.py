"""`manage.py db_worker`: run tasks as they come, and clear expired rows once a day (docs/design, D57)."""

from __future__ import annotations

import signal

from django.core.management.base import BaseCommand, CommandParser

from common.domain.database import bound_waits
from common.domain.tasks import INTERVAL_SECONDS, Runner, run_all


class Command(BaseCommand):
    help = "Run tasks until SIGTERM, which lets the task in hand finish. Several workers may run at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", action="store_true", help="Run the tasks that are due, then exit.")
        parser.add_argument(
            "--interval",
            type=float,
            default=INTERVAL_SECONDS,
            help="Seconds between two looks for a task (default: %(default)s).",
        )

    def handle(self, *args: object, batch: bool, interval: float, **options: object) -> None:
        bound_waits()
        if batch:
            run_all()
            return
        runner = Runner(interval=interval)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.stop())
        runner.run()
