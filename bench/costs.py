"""Where the time of a list goes: CPU microseconds of each part of a request, measured while it is answered.

A clock stands around every part, in this one process; what a part calls and is a part of its own does not count as its.
So the parts add up to the whole. PostgreSQL's and Redis's own time is not in it.
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from time import thread_time_ns
from typing import Any
from unittest.mock import patch

ROUNDS, CALLS = 15, 200
HOW = (
    "CPU of each part, measured by a clock around it while requests are answered in one process: what a part calls and "
    "is a part of its own does not count as its. PostgreSQL's and Redis's own time is not in it."
)


class Clocks:
    """Own CPU nanoseconds of every part, by its name; less what a clock itself costs, within and around."""

    def __init__(self) -> None:
        self.own: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []
        self._within = self._around = 0.0
        self._set()

    def _set(self, calls: int = 20_000) -> None:
        empty = self.around("within", lambda: None)
        self.around("around", lambda: [empty() for _ in range(calls)])()
        self._within, self._around = self.own["within"] / calls, self.own["around"] / calls
        self.own.clear()

    def around(self, name: str | Callable[..., str], call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, timed; `name` may be found from its arguments."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            part = name if isinstance(name, str) else name(*args)
            self._inner.append(0)
            began = thread_time_ns()
            try:
                return call(*args, **kwargs)
            finally:
                took = thread_time_ns() - began
                self.own[part] += took - self._inner.pop() - self._within
                if self._inner:
                    self._inner[-1] += took + self._around

        return timed


def table(path: str, token: str) -> list[str]:
    """Each part's cost and its share of the whole, the greatest first, of the round that cost the least."""
    from config.wsgi import Handler, application

    _silence()
    ask = asking(application, path, token)
    whole = min(_round(ask) for _ in range(ROUNDS))
    clocks, rounds = Clocks(), []
    with ExitStack() as stack:
        for owner, attribute, name in _parts(path):
            timed = clocks.around(name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, timed))
        # One that finds the clocks in its middleware.
        ask = clocks.around("Django: handler, signals, response", asking(Handler(), path, token))
        for _ in range(ROUNDS):
            clocks.own.clear()
            _round(ask)
            rounds.append({name: spent / CALLS / 1000 for name, spent in clocks.own.items()})
    best = min(rounds, key=lambda parts: sum(parts.values()))
    total = sum(best.values())
    lines = ["| part | CPU µs | share |", "|---|---|---|"]
    for name, cost in sorted(best.items(), key=lambda item: -item[1]):
        lines.append(f"| {name} | {cost:,.1f} | {cost / total:.1%} |")
    return [
        *lines,
        f"| together | {total:,.0f} | 100% |",
        "",
        f"Without any clock a request costs {whole:,.0f} µs.",
    ]


def asking(application: Any, path: str, token: str) -> Callable[[], None]:
    """A GET through a WSGI application, to the last byte."""

    def call() -> None:
        response = application(
            {
                "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
                "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "wsgi.url_scheme": "http",
                "wsgi.input": BytesIO(), "wsgi.errors": None, "REMOTE_ADDR": "127.0.0.1",
                "HTTP_AUTHORIZATION": f"Bearer {token}",
            },
            lambda status, headers: None,
        )  # fmt: skip
        b"".join(response)
        response.close()

    return call


def _round(ask: Callable[[], None]) -> float:
    """CPU microseconds of a request."""
    began = thread_time_ns()
    for _ in range(CALLS):
        ask()
    return (thread_time_ns() - began) / CALLS / 1000


def _silence() -> None:
    """The line of a request is made and written, and nobody reads it."""
    handler = logging.getLogger("garage.requests").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(open(os.devnull, "w"))  # noqa: SIM115


def _parts(path: str) -> Iterator[tuple[Any, str, str | Callable[..., str]]]:
    """(owner, attribute, name) of what a clock is put around for the list at that path."""
    from django.conf import settings
    from django.core.handlers.base import BaseHandler
    from django.urls import resolve
    from django.utils.module_loading import import_string

    from common import json
    from common.domain import counters
    from common.http import authentication, request_log
    from common.reads.read import Read
    from common.reads.statements import Statement
    from config.wsgi import Handler

    view: Any = resolve(path).func.view_class
    for dotted in settings.MIDDLEWARE:
        yield import_string(dotted), "__call__", f"middleware `{dotted.rpartition('.')[2]}`"
    yield request_log, "_write", "the log's line"
    yield request_log, "_measure", "the metric"
    yield BaseHandler, "_get_response", "Django: from the last middleware to the view"
    yield Handler, "resolve_request", "the address found among the routes"
    yield view, "dispatch", "DRF: dispatch, its request and checks"
    yield authentication, "caller_of_token", "who asks: the token, the caller"
    yield counters, "hit", "the counter of his requests"
    yield view.query, "read", "the list's parameters"
    yield Read, "all", "read: its key, its values"
    yield Statement, "run", lambda statement, *_: f"statement of `{_table_of(statement.sql)}`"
    for compiled in view.read._compiled.values():
        yield compiled, "_with_lists", "read: a list's rows to what they hang on"
        yield compiled, "make", "read: rows to bodies, totals computed"
    yield json, "dumps", "bodies to JSON"


def _table_of(sql: str) -> str:
    found = re.search('FROM "([a-z_]+)"', sql)
    assert found
    return found[1]


if __name__ == "__main__":
    from bench import data
    from bench.repair_orders import PATH

    print("\n".join(table(PATH, data.prepare(data.POSTGRES)[16])))
