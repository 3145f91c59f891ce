"""How long it takes to set each paper of the product, and how large its file is.

`python -m bench.papers` prints a table. The papers are those of `testing/papers.py`, on a database of SQLite that is made
for it. Each is set and stored anew in this process, without HTTP. Time is the median of several, on the clock and of
the CPU, which the load of the machine changes less. `set` is the typesetter alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

ROUNDS = 15
LONG = 110  # lines of the long papers, which have three pages
_ROOMS = ("billing", "inspections", "passports", "repair_orders")


def main() -> None:
    """Print the table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")
    import django

    django.setup()
    from django.conf import settings
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    with tempfile.TemporaryDirectory() as folder:
        settings.UPLOADS_DIR = Path(folder)
        settings.DATABASES["default"]["TEST"]["NAME"] = f"{folder}/papers.sqlite3"
        runner.setup_test_environment()  # mails stay in memory
        made = runner.setup_databases()
        try:
            print(*table(), sep="\n")
        finally:
            runner.teardown_databases(made)


def table() -> list[str]:
    """Return a row for each paper on Letter, and for long ones on Letter and on A4."""
    from testing.papers import PAPERS, a_shop

    rows = [
        "| paper | size | pages | KB | set and stored, ms | CPU, ms | set, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    cases = [(name, "letter", 0) for name in PAPERS]
    cases += [(name, size, LONG) for name in ("estimate", "invoice") for size in ("letter", "a4")]
    for name, size, lines in cases:
        title = f"{name}, {lines} lines" if lines else name
        rows.append(f"| {title} | {size} | {_row(PAPERS[name](a_shop(size), lines))} |")
    return rows


def _row(make: Callable[[], Any]) -> str:
    from pypdf import PdfReader

    from billing.models import Paper as BillingPaper
    from inspections.models import Paper as InspectionPaper
    from repair_orders.models import Paper as OrderPaper

    content = make().content  # the first paper of a process loads the typesetter and its fonts
    clock, cpu, setting = [], [], []
    with ExitStack() as stack:
        _time_setting(stack, setting)
        for _ in range(ROUNDS):
            for model in (BillingPaper, InspectionPaper, OrderPaper):
                model.objects.all().delete()
            began, spent = perf_counter(), process_time()
            make()
            cpu.append(process_time() - spent)
            clock.append(perf_counter() - began)
    pages = len(PdfReader(BytesIO(content)).pages)
    figures = " | ".join(f"{median(times) * 1000:.0f}" for times in (clock, cpu, setting))
    return f"{pages} | {len(content) / 1024:.0f} | {figures}"


def _time_setting(stack: ExitStack, times: list[float]) -> None:
    """Put a clock around the typesetter in every room."""
    from common.papers.rendering import render

    def timed(*args: Any) -> bytes:
        began = perf_counter()
        try:
            return render(*args)
        finally:
            times.append(perf_counter() - began)

    for room in _ROOMS:
        stack.enter_context(patch(f"{room}.papers.actions.render", timed))


if __name__ == "__main__":
    main()
