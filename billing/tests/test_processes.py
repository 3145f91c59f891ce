"""Billing by processes of their own: parallel ones, and ones that are killed (docs/design, D86)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing.models import Invoice
from billing.tests.processes import VERBS
from billing.tests.test_storms import completed_orders
from testing.billed import check_law, finished, issue, pay
from testing.factories import LocationFactory

pytestmark = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]
PROCESSES = 8


def begin(call, settings_module):
    """Start a process of the product on the database of the suite."""
    name = str(connection.settings_dict["NAME"])
    env = {
        "DJANGO_SETTINGS_MODULE": settings_module, "DEBUG": "true", "SQLITE_PATH": name, "DB_NAME": name,
    }  # fmt: skip
    code = f"import django; django.setup(); from billing.tests import processes; processes.{call}"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=os.environ | env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def everything():
    """Return every row of every table."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
    }


@pytest.mark.slow
def test_numbers_of_eight_processes_have_no_gap_and_no_repeat_although_a_third_fails():
    location = LocationFactory()
    completed_orders(200, location)
    # Many writers wait long for each other on a slow machine, so these are the settings of the suite.
    running = [
        begin(f"issue_share({number}, {PROCESSES})", "config.test_settings") for number in range(PROCESSES)
    ]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * PROCESSES
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [(*process.communicate(timeout=300), process.returncode) for process in running]
    assert ends == [(f"{process.pid}\n", "", 0) for process in running]
    numbers = Invoice.objects.order_by("id").values_list("number", flat=True)
    # Of the 25 orders of a process, 9 fail.
    assert sorted(numbers) == sorted(f"L{location.pk}-{count}" for count in range(1, PROCESSES * 16 + 1))
    check_law()


@pytest.mark.parametrize("verb", VERBS)
def test_process_that_is_killed_after_any_write_leaves_nothing_half_written(verb):
    """A killed process leaves every table as it was, and no lock. The verb then does its work with the next number."""
    order = finished()
    deposit = pay(order, "5.00")
    if verb != "issue":
        invoice = issue(order)
        pay(invoice, "50.00")
        pay(None, "40.00", customer=invoice.bill_to, location=invoice.location)
    before = everything()
    process = begin(f"die_everywhere({verb!r})", "config.settings")
    told, errors = process.communicate(timeout=120)
    assert (errors, process.returncode) == ("", 0)
    writes, *ends = map(int, told.split())
    assert writes >= 2 and ends == [-signal.SIGKILL] * (writes + 1)
    assert everything() == before
    made = VERBS[verb](timezone.now())
    if verb in ("issue", "credit"):
        assert made.number.endswith("-1" if verb == "issue" else "-C1")
    deposit.refresh_from_db()
    assert deposit.open == (5 if verb == "credit" else 0)
    check_law()
