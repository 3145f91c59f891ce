"""Measure the CPU microseconds of each part of a list request while it is answered.

Every part is wrapped in a clock, in one process. The time of a part excludes the parts that it calls, so the parts add
up to the whole. The time of PostgreSQL and Redis is not included.
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
    "CPU of each part, measured by a clock around it while requests are answered in one process. The time of a part "
    "excludes the parts that it calls. The time of PostgreSQL and Redis is not included."
)


class Clocks:
    """CPU nanoseconds of every part by name, without the parts it calls and without the cost of the clocks."""

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
        """Return `call` with a clock around it. `name` may be a function of the arguments."""

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
    """Return a table of the cost and share of each part in the cheapest round, the most expensive part first."""
    from django.core.handlers.wsgi import WSGIHandler

    from config import wsgi

    _silence()
    ask = asking(wsgi.application, path, token)
    whole = min(_round(ask) for _ in range(ROUNDS))
    clocks, rounds = Clocks(), []
    with ExitStack() as stack:
        for owner, attribute, name in _parts(path):
            timed = clocks.around(name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, timed))
        # A handler binds its middleware when it is made, so a new one is needed to call the clocks.
        stack.enter_context(patch.object(wsgi, "_django", WSGIHandler()))
        ask = clocks.around("Django: handler, signals, response", ask)
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
        f"Without clocks a request costs {whole:,.0f} µs.",
    ]


def asking(application: Any, path: str, token: str) -> Callable[[], None]:
    """Return a function that sends a GET to the WSGI application and reads the whole response."""

    def start_response(status: str, headers: Any) -> None:
        assert status == "200 OK", f"{path} answered {status}"

    def call() -> None:
        response = application(
            {
                "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
                "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "wsgi.url_scheme": "http",
                "wsgi.input": BytesIO(), "wsgi.errors": None, "REMOTE_ADDR": "127.0.0.1",
                "HTTP_AUTHORIZATION": f"Bearer {token}",
            },
            start_response,
        )  # fmt: skip
        b"".join(response)
        response.close()

    return call


def _round(ask: Callable[[], None]) -> float:
    """Return the CPU microseconds of a request."""
    began = thread_time_ns()
    for _ in range(CALLS):
        ask()
    return (thread_time_ns() - began) / CALLS / 1000


def _silence() -> None:
    """Send the request log to /dev/null. Its lines are still formatted and written."""
    handler = logging.getLogger("garage.requests").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(open(os.devnull, "w"))  # noqa: SIM115


def _parts(path: str) -> Iterator[tuple[Any, str, str | Callable[..., str]]]:
    """Yield (owner, attribute, name) of each function to wrap in a clock for the list at `path`."""
    from django.conf import settings
    from django.core.handlers.base import BaseHandler
    from django.urls import resolve
    from django.utils.module_loading import import_string

    from common.domain import counters
    from common.http import authentication, bodies, request_log
    from common.reads import read
    from common.reads.read import Read
    from common.reads.statements import Statement

    view: Any = resolve(path).func.view_class
    for dotted in settings.MIDDLEWARE:
        yield import_string(dotted), "__call__", f"middleware `{dotted.rpartition('.')[2]}`"
    yield request_log, "_write", "the log line"
    yield request_log, "_measure", "the metric"
    yield BaseHandler, "_get_response", "Django: from the last middleware to the view"
    yield BaseHandler, "resolve_request", "Django: the URL resolved"
    yield view, "dispatch", "DRF: dispatch, request and checks"
    yield authentication, "caller_of_token", "authentication: the token and the caller"
    yield counters, "hit", "the counter of the user's requests"
    yield view.query, "read", "the query parameters"
    yield Read, "all", "read: the key and values of the statement"
    yield Statement, "run_on", lambda statement, *_: f"statement of `{_table_of(statement.sql)}`"
    yield read, "_with_lists", "read: nested rows to their parents"
    for compiled in view.read._compiled.values():
        yield compiled, "make", "read: rows to bodies, totals computed"
    yield bodies, "dumps", "bodies to JSON"


def _table_of(sql: str) -> str:
    found = re.search('FROM "([a-z_]+)"', sql)
    assert found
    return found[1]
