"""Searches for what became due: each minute, by the worker's loop and by `manage.py run_due`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from common.domain import sweeps, tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def swept(monkeypatch):
    """Return the times of the searches, of which the first one fails."""
    times = []

    def fail(*, now):
        raise RuntimeError

    monkeypatch.setattr(sweeps, "_sweeps", {})
    sweeps.register("away", fail)
    sweeps.register("here", lambda *, now: times.append(now))
    return times


def test_failure_of_one_search_does_not_keep_others_from_running(swept, now):
    sweeps.sweep_all(now=now)
    assert swept == [now]


def test_loop_searches_each_minute(swept, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(tasks.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(tasks.expiry, "clear_expired", lambda *, now: {})
    runner, found = tasks.Runner(), []
    for second in (0, 59, 60, 61, 119, 120, 200):
        clock[0] = second
        runner._step()
        found.append(len(swept))
    assert found == [0, 0, 1, 1, 1, 2, 3]


def test_command_searches_before_it_runs_the_tasks(swept, settings):
    output = StringIO()
    call_command("run_due", stdout=output)
    assert len(swept) == 1
    assert output.getvalue().splitlines()[0] == "0 tasks run"
