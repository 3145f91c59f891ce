"""Loops run beside the tasks, and all at once for `run_due`."""

from __future__ import annotations

import time

import pytest
from django.db import DatabaseError

from common.domain import loops
from common.domain.tasks import run_all


class Recorder:
    """A loop that has two steps to do at once, and notes what is called."""

    def __init__(self, failure: Exception | None = None):
        self.calls, self.failure = [], failure

    def step(self):
        self.calls.append("step")
        if self.failure and len(self.calls) == 1:
            raise self.failure
        return len(self.calls) < 2

    def run_all(self):
        self.calls.append("run_all")
        if self.failure:
            raise self.failure

    def stop(self):
        self.calls.append("stop")


@pytest.fixture
def only(monkeypatch):
    """Return a function that registers one loop in place of all."""
    monkeypatch.setattr(loops, "_loops", {})

    def register(loop):
        loops.register("recorder", lambda: loop)
        return loop

    return register


def wait_for(loop, steps):
    deadline = time.monotonic() + 20
    while loop.calls.count("step") < steps and time.monotonic() < deadline:
        time.sleep(0.005)


def test_loop_runs_beside_the_block_and_is_stopped_after_it(only):
    loop = only(Recorder())
    with loops.running(interval=60):
        wait_for(loop, 2)
    assert loop.calls == ["step", "step", "stop"]


@pytest.mark.parametrize("failure", [DatabaseError("away"), ValueError("broken")])
def test_loop_goes_on_after_a_failure(only, failure):
    loop = only(Recorder(failure))
    with loops.running(interval=0.001):
        wait_for(loop, 3)
    assert loop.calls.count("step") >= 3
    assert loop.calls[-1] == "stop"


@pytest.mark.django_db
@pytest.mark.parametrize("failure", [None, ValueError("broken")])
def test_run_due_runs_each_loop_until_nothing_is_due(only, failure):
    loop = only(Recorder(failure))
    assert run_all() == 0
    assert loop.calls == ["run_all", "stop"]
