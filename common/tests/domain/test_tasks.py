"""Tasks: stored in the transaction, retried, taken over, and run by a thread of the process."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Event

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from common.domain import tasks
from common.domain.mail import Mail

pytestmark = pytest.mark.django_db
ran: list[str] = []
gate = Event()


@task
def note(text: str) -> None:
    ran.append(text)


@task
def fail(text: str) -> None:
    ran.append(text)
    raise ConnectionRefusedError("no mail server")


@task
def send(text: str) -> None:
    Mail(subject=text, body="Hello", from_email="Garage <us@garage.example>", to=["ann@example.com"]).send()
    if text == "fails afterwards":
        raise RuntimeError


@task
def wait(text: str) -> None:
    ran.append(text)
    gate.wait(10)


@pytest.fixture(autouse=True)
def _in_worker(settings):
    settings.TASKS_RUN_IN = "worker"
    ran.clear()
    gate.clear()


def row():
    return DBTaskResult.objects.get()


def make_due():
    DBTaskResult.objects.update(run_after=timezone.now() - timedelta(seconds=1))


def test_task_is_stored_in_the_transaction():
    with transaction.atomic():
        note.enqueue("told")
        assert row().status == "READY"
        transaction.set_rollback(True)
    assert (tasks.run_all(), ran, DBTaskResult.objects.count()) == (0, [], 0)


def test_task_runs_once():
    note.enqueue("told")
    assert (tasks.run_all(), tasks.run_all(), ran) == (1, 0, ["told"])
    assert (row().status, len(row().worker_ids)) == ("SUCCESSFUL", 1)


def test_failure_is_retried_after_growing_delays_then_failed(settings):
    settings.TASK_ATTEMPTS, settings.TASK_RETRY_SECONDS = 4, 30
    fail.enqueue("told")
    delays = []
    for _ in range(3):
        assert tasks.run_all() == 1
        assert (row().status, row().exception_class_path) == ("READY", "builtins.ConnectionRefusedError")
        delays.append(round((row().run_after - row().started_at).total_seconds()))
        assert tasks.run_all() == 0
        make_due()
    assert tasks.run_all() == 1
    assert (row().status, row().exception_class_path, delays) == (
        "FAILED", "builtins.ConnectionRefusedError", [30, 90, 270]
    )  # fmt: skip
    assert "no mail server" in row().traceback
    make_due()
    assert (tasks.run_all(), len(ran)) == (0, 4)


def test_longest_delay_is_bounded(settings):
    settings.TASK_ATTEMPTS = 100
    fail.enqueue("told")
    DBTaskResult.objects.update(worker_ids=["x"] * 60)
    tasks.run_all()
    assert (row().run_after - row().started_at).total_seconds() < tasks.LONGEST_DELAY_SECONDS + 60


def test_failed_task_can_be_made_due_again(settings, now):
    settings.TASK_ATTEMPTS = 1
    fail.enqueue("told")
    tasks.run_all()
    assert row().status == "FAILED"
    assert tasks.retry_failed(now=now) == 1
    assert (row().status, row().worker_ids, tasks.run_all()) == ("READY", [], 1)


def test_task_without_code_fails_at_once():
    note.enqueue("told")
    DBTaskResult.objects.update(task_path="common.tests.domain.test_tasks.gone")
    assert (tasks.run_all(), row().status, ran) == (1, "FAILED", [])


def test_abandoned_task_is_taken_over_after_its_lease(now):
    note.enqueue("told")
    claimed = tasks._claim(DBTaskResult.objects.ready())
    tasks.take_over(now=now)
    assert (tasks.run_all(), row().status) == (0, "RUNNING")
    make_due()
    assert (tasks.run_all(), row().status, ran) == (1, "SUCCESSFUL", ["told"])
    # The first worker was only suspended. Its late end changes nothing.
    tasks._fail(claimed, RuntimeError())
    assert row().status == "SUCCESSFUL"


def test_task_that_kills_its_workers_fails_in_the_end(settings):
    settings.TASK_ATTEMPTS = 2
    note.enqueue("told")
    for status in ("READY", "FAILED"):
        tasks._claim(DBTaskResult.objects.ready())
        make_due()
        tasks.take_over(now=timezone.now())
        assert row().status == status
    assert row().exception_class_path == "common.domain.tasks.WorkerDied"


def test_stopping_process_gives_the_task_back(monkeypatch):
    note.enqueue("told")

    def stop(row):
        raise KeyboardInterrupt

    monkeypatch.setattr(tasks, "_call", stop)
    with pytest.raises(KeyboardInterrupt):
        tasks.run_all()
    assert row().status == "READY"
    monkeypatch.undo()
    assert (tasks.run_all(), ran) == (1, ["told"])


def test_every_attempt_has_the_same_message_id():
    send.enqueue("fails afterwards")
    tasks.run_all()
    make_due()
    tasks.run_all()
    ids = [str(message.message()["Message-ID"]) for message in mail.outbox]
    assert ids == [f"<{row().pk}@garage.example>"] * 2


def test_two_tasks_have_two_message_ids():
    send.enqueue("one")
    send.enqueue("two")
    tasks.run_all()
    assert len({str(message.message()["Message-ID"]) for message in mail.outbox}) == 2


def test_mail_outside_a_task_has_a_message_id_of_its_own():
    message = Mail(subject="x", body="x", to=["ann@example.com"]).message()
    assert "@" in message["Message-ID"]


def test_runner_clears_expired_rows_after_its_start_and_then_once_a_day(monkeypatch):
    clock, cleared = [0.0], []
    monkeypatch.setattr(tasks.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(tasks.expiry, "clear_expired", lambda *, now: cleared.append(clock[0]))
    runner = tasks.Runner()
    day = 24 * 60 * 60
    for clock[0] in (0, 59, 60, 61, 60 + day - 1, 60 + day, 60 + day + 1):
        runner._step()
    assert cleared == [60, 60 + day]


@pytest.mark.django_db(transaction=True)
class TestThread:
    @pytest.fixture(autouse=True)
    def _thread(self, settings):
        settings.TASKS_RUN_IN = "thread"
        yield
        gate.set()
        tasks.stop_thread(seconds=10)

    def until(self, condition):
        for _ in range(500):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError(row().status)

    def test_commit_wakes_the_thread_and_does_not_wait(self):
        with transaction.atomic():
            wait.enqueue("told")
            time.sleep(0.05)
            assert ran == []
        self.until(lambda: ran == ["told"])
        assert row().status == "RUNNING"
        gate.set()
        self.until(lambda: row().status == "SUCCESSFUL")

    def test_failure_is_retried(self, settings):
        settings.TASK_ATTEMPTS, settings.TASK_RETRY_SECONDS = 2, 1
        fail.enqueue("told")
        self.until(lambda: row().status == "FAILED")
        assert ran == ["told"] * 2

    def test_lease_is_renewed_while_the_task_runs(self, settings):
        settings.TASK_LEASE_SECONDS = 0.6
        wait.enqueue("told")
        self.until(lambda: ran)
        first = row().run_after
        self.until(lambda: row().run_after > first)
        time.sleep(0.7)
        tasks.take_over(now=timezone.now())
        assert (row().status, len(row().worker_ids)) == ("RUNNING", 1)

    def test_stop_waits_for_the_task_in_hand(self):
        wait.enqueue("told")
        self.until(lambda: ran)
        tasks._runner.stop()
        gate.set()
        tasks.stop_thread(seconds=10)
        assert row().status == "SUCCESSFUL"
