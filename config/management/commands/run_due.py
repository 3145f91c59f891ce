"""`manage.py run_due`: do everything that is due, once (docs/design, D57 and D58)."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from common.domain.sweeps import sweep_all
from common.domain.tasks import retry_failed, run_all


class Command(BaseCommand):
    help = "Order reminders, run the tasks that are due and delete what has expired. For cron, where no worker runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--failed", action="store_true", help="Give every failed task all its attempts again first."
        )

    def handle(self, *args: object, failed: bool, **options: object) -> None:
        if failed:
            self.stdout.write(f"{retry_failed(now=timezone.now()):,} failed tasks are due again")
        sweep_all(now=timezone.now())
        self.stdout.write(f"{run_all():,} tasks run")
        call_command("clear_expired", stdout=self.stdout)
