"""Where the time of a list goes: each part of a request by itself, in this one process, CPU microseconds.

The least of several rounds: what a part costs when nothing interferes. PostgreSQL's and Redis's own time is not in it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

ROUNDS, CALLS = 7, 300
DJANGO, DRF = "/api/shop/django/", "/api/shop/drf/"  # bench/nothing.py


@dataclass(frozen=True)
class Cost:
    """A part of a request, or a part `within` the one before."""

    part: str
    us: float
    within: bool = False


def table(path: str, token: str) -> list[str]:
    """Every part's cost and its share of the whole; what is left is work between them and caches gone cold."""
    whole, *parts = measure(path, token)
    rest = whole.us - sum(cost.us for cost in parts if not cost.within)
    lines = ["| part | CPU µs | share |", "|---|---|---|"]
    for cost in (whole, *parts, Cost("what each costs more among the others than by itself", rest)):
        name = f"– of it: {cost.part}" if cost.within else cost.part
        lines.append(f"| {name} | {cost.us:,.1f} | {cost.us / whole.us:.1%} |")
    return lines


def measure(path: str, token: str) -> list[Cost]:
    """The whole request first, then its parts. Django is set up, `path` is the repair orders' and `token` good."""
    from config.wsgi import application

    _silence()
    whole = cpu_us(asking(application, path, token))
    return [
        Cost("the whole request", whole),
        *_django(path),
        *_middleware(),
        *_caller(token),
        *_read(token),
    ]


def cpu_us(call: Callable[[], Any]) -> float:
    """The least CPU time of one call, over rounds."""
    for _ in range(50):
        call()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            call()
        rounds.append((time.process_time() - began) / CALLS * 1e6)
    return min(rounds)


def asking(application: Any, path: str, token: str = "") -> Callable[[], None]:
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


def _silence() -> None:
    """The line of a request is made and written, and nobody reads it."""
    handler = logging.getLogger("garage.requests").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(open(os.devnull, "w"))  # noqa: SIM115


def _handled(middleware: list[str], path: str) -> float:
    """A request that does nothing, through so much middleware."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF="bench.nothing"):
        return cpu_us(asking(WSGIHandler(), path))


def _django(path: str) -> Iterator[Cost]:
    from django.urls import resolve

    bare = _handled([], DJANGO)
    yield Cost("Django without middleware: request, handler, response, signals", bare)
    yield Cost("the address found among the routes", cpu_us(lambda: resolve(path)))
    yield Cost("DRF's dispatch: its request, checks, response, renderer", _handled([], DRF) - bare)


def _middleware() -> Iterator[Cost]:
    """Each by what it adds to those within it."""
    from django.conf import settings

    names: list[str] = settings.MIDDLEWARE
    sums = [_handled(names[at:], DJANGO) for at in range(len(names) + 1)]
    for name, (with_it, without) in zip(names, pairwise(sums), strict=True):
        yield Cost(f"`{name.rpartition('.')[2]}`", with_it - without)
        if name.endswith(".RequestLog"):
            yield from _log_and_metric()


def _log_and_metric() -> Iterator[Cost]:
    from common import request_log

    line = {"request": "GET /api/shop/", "code": 200, "ms": 1.0, "request_id": "0" * 36, "user_id": 1000}
    write, series = request_log.lines.log, request_log.SECONDS.labels
    yield Cost("the line", cpu_us(lambda: write(logging.INFO, "request_finished", line)), within=True)
    yield Cost("the metric", cpu_us(lambda: series("GET", "api/shop/", 200).observe(0.001)), within=True)


def _caller(token: str) -> Iterator[Cost]:
    from django.conf import settings

    from common import counters, views
    from common.authentication import caller_of_token
    from common.caller import caller_loader

    caller, load = caller_of_token(token), caller_loader()
    by_row = cpu_us(lambda: load(caller.session))
    yield Cost("who asks: the session's row, one statement", by_row)
    yield Cost("the token, its signature kept", cpu_us(lambda: caller_of_token(token)) - by_row)
    key = f"user:{caller.user_id}"
    counted = cpu_us(lambda: counters.hit(key, limit=settings.RATE_USER, window=60, stride=views._STRIDE))
    yield Cost("the counter of his requests", counted)


def _read(token: str) -> Iterator[Cost]:
    from django.http import QueryDict

    from common.authentication import caller_of_token
    from common.json import dumps
    from repair_orders.api.shop import CustomerRepairOrders

    caller, nothing = caller_of_token(token), QueryDict("")
    yield Cost("the list's parameters", cpu_us(lambda: CustomerRepairOrders.query.read(nothing)))
    [compiled] = [c for c in CustomerRepairOrders.read._compiled.values() if c]
    values: dict[str, Any] = {"caller_user": caller.user_id, "caller_customer": caller.customer_id}
    orders = compiled.statement.run(values)
    parents = values | {"parents": {row[0] for row in orders}}
    rows = compiled._with_lists(orders, values)
    bodies = compiled.make(rows)
    yield Cost("the orders' statement", cpu_us(lambda: compiled.statement.run(values)))
    lists = cpu_us(lambda: [statement.run(parents) for _, statement in compiled.lists])
    yield Cost("the lines' two statements", lists)
    joined = cpu_us(lambda: compiled._with_lists(orders, values)) - lists
    yield Cost("lines to their orders", joined)
    yield Cost("rows to bodies, totals computed", cpu_us(lambda: compiled.make(rows)))
    yield Cost("bodies to JSON", cpu_us(lambda: dumps(bodies)))


if __name__ == "__main__":
    from bench import data
    from bench.repair_orders import PATH

    print("\n".join(table(PATH, data.prepare(data.POSTGRES)[16])))
