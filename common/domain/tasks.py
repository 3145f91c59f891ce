"""Run tasks at least once, retried and after a crash (docs/design, D57).

django-tasks-db stores a task as a row, so that it is written in the transaction of what it tells. It neither retries a
task nor notices that a worker died. Both are added here: a claim is a lease, which a thread renews while the task runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from traceback import format_exception
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, close_old_connections, connection, connections, transaction
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks.base import TaskContext
from django_tasks_db import DatabaseBackend
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction, retry

from common.domain import expiry, loops, sweeps
from common.domain.types import AnyQuerySet, Values

log = structlog.get_logger(__name__)

LONGEST_DELAY_SECONDS = 6 * 60 * 60
INTERVAL_SECONDS = 1.0
CLEARING_SECONDS = 24 * 60 * 60
SWEEPING_SECONDS = 60
_FIRST_SECONDS = 60  # so that clearing and sweeping do not slow the start
_GROWTH = 3

# The id of the task that runs, from which its mail takes the Message-ID.
delivery: ContextVar[str] = ContextVar("delivery")


class WorkerDied(Exception):
    """The worker of the last attempt did not finish the task and did not renew its lease."""


class Queue(DatabaseBackend):
    """Store a task in the present transaction. On commit, tell this process's own runner, if it has one."""

    # The stubs describe the tasks of a later Django, which are not those of django-tasks.
    def enqueue(self, task: Any, args: Sequence[object], kwargs: Values) -> Any:
        result: Any = super().enqueue(task, args, kwargs)
        pk = UUID(result.id)

        def start() -> None:
            if settings.TASKS_RUN_IN == "thread":
                start_thread().wake()
            elif settings.TASKS_RUN_IN == "request":
                _run_claimed(DBTaskResult.objects.ready().filter(pk=pk))

        transaction.on_commit(start, robust=True)
        return result


# --- One task ---------------------------------------------------------------------------------------


def run_next() -> bool:
    """Run the next task that is due, and return whether there was one."""
    return _run_claimed(DBTaskResult.objects.ready())


def run_all() -> int:
    """Take over abandoned tasks, run every task that is due, and return the number of runs. Run the loops first.

    They may order tasks, such as the mail about a webhook that is disabled.
    """
    loops.run_all()
    take_over(now=timezone.now())
    runs = 0
    while run_next():
        runs += 1
    return runs


def take_over(*, now: datetime) -> None:
    """Make tasks whose lease has ended due again, or failed after the last attempt."""
    running = DBTaskResult.objects.running()
    for row in running.filter(run_after__lt=now):
        mine = running.filter(pk=row.pk, run_after=row.run_after)
        if _has_attempts_left(row):
            mine.update(status=TaskResultStatus.READY, run_after=now)
        else:
            mine.update(status=TaskResultStatus.FAILED, finished_at=now, **_described(WorkerDied()))
        log.warning("task_taken_over", task=row.task_path, attempts=len(row.worker_ids))


def retry_failed(*, now: datetime) -> int:
    """Make every failed task due again, with all its attempts, and return their number."""
    return DBTaskResult.objects.failed().update(
        status=TaskResultStatus.READY, run_after=now, finished_at=None, worker_ids=[]
    )


def _run_claimed(rows: AnyQuerySet) -> bool:
    row = _claim(rows)
    if row is None:
        return False
    token = delivery.set(str(row.pk))
    try:
        with _renewed_lease(row):
            _call(row)
    except Exception as error:  # noqa: BLE001  # whatever a task raises is its failure
        _fail(row, error)
    except BaseException:  # the process is told to stop
        _write(row, status=TaskResultStatus.READY, run_after=timezone.now())
        raise
    else:
        _write(
            row,
            status=TaskResultStatus.SUCCESSFUL,
            finished_at=timezone.now(),
            exception_class_path="",
            traceback="",
        )
    finally:
        delivery.reset(token)
    return True


def _claim(rows: AnyQuerySet) -> DBTaskResult[Any, Any] | None:
    """Claim the first of the rows. Its `run_after` becomes the end of the lease."""
    if not rows.exists():  # the usual case, which on SQLite must not take the lock of all writers
        return None
    with exclusive_transaction():
        row: DBTaskResult[Any, Any] | None = rows.select_for_update(skip_locked=True).first()
        if row is not None:
            now = timezone.now()
            row.status, row.started_at, row.run_after = TaskResultStatus.RUNNING, now, now + _lease()
            row.worker_ids = [*row.worker_ids, uuid4().hex]  # one entry for each attempt
            row.save(update_fields=["status", "started_at", "run_after", "worker_ids"])
    return row


def _lease() -> timedelta:
    return timedelta(seconds=settings.TASK_LEASE_SECONDS)


def _call(row: DBTaskResult[Any, Any]) -> None:
    args, kwargs = row.args_kwargs["args"], row.args_kwargs["kwargs"]
    task = row.task
    if task.takes_context:
        task.call(TaskContext(task_result=row.task_result), *args, **kwargs)  # type: ignore[arg-type]
    else:
        task.call(*args, **kwargs)


@contextmanager
def _renewed_lease(row: DBTaskResult[Any, Any]) -> Iterator[None]:
    """Renew the lease in a thread until the block ends. A killed process renews nothing."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(settings.TASK_LEASE_SECONDS / 3):
            try:
                _rows_of(row).update(run_after=timezone.now() + _lease())
            except DatabaseError:
                log.warning("task_lease_not_renewed", task=row.task_path)
        connections.close_all()

    thread = Thread(target=renew, name="task-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _fail(row: DBTaskResult[Any, Any], error: Exception) -> None:
    now, attempts = timezone.now(), len(row.worker_ids)
    log.warning("task_failed", task=row.task_path, attempt=attempts, error=type(error).__name__)
    is_lost = isinstance(error, (ImportError, SuspiciousOperation))  # no later attempt finds the task's code
    if _has_attempts_left(row) and not is_lost:
        seconds = settings.TASK_RETRY_SECONDS * _GROWTH ** (attempts - 1)
        due = now + timedelta(seconds=min(seconds, LONGEST_DELAY_SECONDS))
        _write(row, status=TaskResultStatus.READY, run_after=due, **_described(error))
    else:
        _write(row, status=TaskResultStatus.FAILED, finished_at=now, **_described(error))


def _has_attempts_left(row: DBTaskResult[Any, Any]) -> bool:
    return len(row.worker_ids) < settings.TASK_ATTEMPTS


def _described(error: Exception) -> dict[str, str]:
    return {
        "exception_class_path": f"{type(error).__module__}.{type(error).__qualname__}",
        "traceback": "".join(format_exception(error)),
    }


def _rows_of(row: DBTaskResult[Any, Any]) -> AnyQuerySet:
    """Return the row while this attempt is the last one. A task that was taken over belongs to another attempt."""
    return DBTaskResult.objects.running().filter(pk=row.pk, started_at=row.started_at)


@retry()
def _write(row: DBTaskResult[Any, Any], **values: object) -> None:
    if not connection.in_atomic_block:  # a test's transaction
        close_old_connections()  # the task's error may have been a lost connection
    _rows_of(row).update(**values)


# --- The loop ---------------------------------------------------------------------------------------


class Runner:
    """Run due tasks, look each minute for what became due, and clear expired rows once a day, until `stop`."""

    def __init__(self, *, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._woken, self._is_stopped = Event(), False
        self._next_take_over = 0.0
        self._next_sweeping = self._next_clearing = time.monotonic() + _FIRST_SECONDS

    def wake(self) -> None:
        """Look for a task now and not at the end of the interval."""
        self._woken.set()

    def stop(self) -> None:
        """End the loop after the task in hand."""
        self._is_stopped = True
        self._woken.set()

    def run(self) -> None:
        with loops.running(interval=self._interval):
            while not self._is_stopped:
                self._woken.clear()
                try:
                    close_old_connections()
                    has_run = self._step()
                except DatabaseError as error:  # away, or locked for long
                    log.warning("tasks_wait_for_database", error=type(error).__name__)
                    has_run = False
                if not has_run and not self._is_stopped:
                    self._woken.wait(self._interval)
        connections.close_all()

    def _step(self) -> bool:
        clock = time.monotonic()
        if clock >= self._next_take_over:
            self._next_take_over = clock + settings.TASK_LEASE_SECONDS / 3
            take_over(now=timezone.now())
        if clock >= self._next_sweeping:  # before the tasks, which may be many
            self._next_sweeping = clock + SWEEPING_SECONDS
            sweeps.sweep_all(now=timezone.now())
        if run_next():
            return True
        if clock >= self._next_clearing:
            self._next_clearing = clock + CLEARING_SECONDS
            expiry.clear_expired(now=timezone.now())
        return False


_lock = Lock()
_runner: Runner | None = None
_thread: Thread | None = None


def start_thread() -> Runner:
    """Start this process's thread for tasks, if it does not run yet, and return its runner."""
    global _runner, _thread
    with _lock:
        if _runner is None or _thread is None or not _thread.is_alive():
            _runner = Runner()
            _thread = Thread(target=_runner.run, name="tasks", daemon=True)
            _thread.start()
        return _runner


def stop_thread(*, seconds: float) -> None:
    """Stop the thread, and wait at most `seconds` for the task in hand."""
    with _lock:
        if _runner is not None and _thread is not None:
            _runner.stop()
            _thread.join(seconds)
