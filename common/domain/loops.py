"""Work that goes on beside the tasks, each in a thread of its own, such as sending webhooks (docs/design, D57).

Each room registers its loop when the project starts (`AppConfig.ready`). The worker and the embedded process run all of
them, and `manage.py run_due` runs each until nothing is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol

import structlog
from django.db import DatabaseError, close_old_connections, connections

log = structlog.get_logger(__name__)


class Loop(Protocol):
    """One process's run of a loop."""

    def step(self) -> bool:
        """Do what is due, or begin it, and return whether there is more to do at once."""

    def run_all(self) -> None:
        """Do everything that is due."""

    def stop(self) -> None:
        """End what is being done, and begin nothing more."""


_loops: dict[str, Callable[[], Loop]] = {}


def register(name: str, loop: Callable[[], Loop]) -> None:
    """Run a loop in each process that runs tasks."""
    _loops[name] = loop


def run_all() -> None:
    """Do everything that is due in each loop, one after the other."""
    for name, make in _loops.items():
        loop = make()
        try:
            loop.run_all()
        except Exception:
            log.exception("loop_failed", what=name)
        finally:
            loop.stop()


@contextmanager
def running(*, interval: float) -> Iterator[None]:
    """Run each loop in a thread until the block ends, and look every `interval` seconds for what is due."""
    ended = Event()
    threads = [
        Thread(target=_run, args=(name, make(), ended, interval), name=name, daemon=True)
        for name, make in _loops.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _run(name: str, loop: Loop, ended: Event, interval: float) -> None:
    while not ended.is_set():
        has_more = False
        try:
            close_old_connections()
            has_more = loop.step()
        except DatabaseError as error:  # away, or locked for long
            log.warning("loop_waits_for_database", what=name, error=type(error).__name__)
        except Exception:
            log.exception("loop_failed", what=name)
        if not has_more:
            ended.wait(interval)
    loop.stop()
    connections.close_all()
