"""Concurrent calls, each on a thread and a database connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

from django.db import connections, transaction
from zeal import zeal_ignore


def parallel(times: int, work: Callable[[int], Any]) -> list[Any]:
    """Start `work(0)` … `work(times - 1)` at once and return their results or exceptions in that order."""
    gate = Barrier(times)

    def one(number: int) -> Any:
        gate.wait(timeout=30)
        try:
            with zeal_ignore():  # reading again after a lost race is not an N+1
                return work(number)
        except Exception as error:  # noqa: BLE001  # the exception is the result
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def overlapping(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Begin `second` while the transaction of `first` is still open. Return the result or exception of each.

    Of calls that start at once, a fast one often ends before the next has begun.
    """
    written = Event()

    def work(number: int) -> Any:
        if number:
            written.wait(timeout=30)
            return second()
        with transaction.atomic():
            try:
                return first()
            finally:
                written.set()
                time.sleep(0.3)

    return parallel(2, work)
