"""Where a request's time goes: its parts run by themselves in one process, CPU microseconds each.

`python -m bench.profile` prints a table; `make bench` puts it into RESULTS.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from bench.run import PATH, prepare

ROUNDS, CALLS = 7, 300


def cpu_us(call: Callable[[], Any]) -> float:
    """The least CPU time of one call, over rounds: what it costs when nothing interferes."""
    for _ in range(50):
        call()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            call()
        rounds.append((time.process_time() - began) / CALLS * 1e6)
    return min(rounds)


def measure(token: str) -> list[tuple[str, float]]:
    """Each part's name and cost; the first is the whole."""
    from common.authentication import caller_of_token
    from common.json import dumps
    from config.wsgi import application
    from repair_orders.api.shop import CustomerRepairOrders

    quiet = logging.getLogger("garage.requests").handlers[0]
    assert isinstance(quiet, logging.StreamHandler)
    quiet.setStream(open("/dev/null", "w"))  # noqa: SIM115  # the line is made and written, and nobody reads it

    def ask(path: str, **headers: str) -> Callable[[], None]:
        def call() -> None:
            response = application(
                {
                    "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
                    "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "wsgi.url_scheme": "http",
                    "wsgi.input": BytesIO(), "wsgi.errors": None, "REMOTE_ADDR": "127.0.0.1", **headers,
                },
                lambda status, headers: None,
            )  # fmt: skip
            b"".join(response)
            response.close()

        return call

    whole = ask(PATH, HTTP_AUTHORIZATION=f"Bearer {token}")
    whole()
    caller = caller_of_token(token)
    read = CustomerRepairOrders.read
    [compiled] = [c for c in read._compiled.values() if c]
    values: dict[str, Any] = {"caller_user": caller.user_id, "caller_customer": caller.customer_id}
    orders = compiled.statement.run(values)
    parents = values | {"parents": [row[0] for row in orders]}
    rows = compiled._with_lists(orders, values)
    bodies = compiled.make(rows)
    parts = [
        ("who asks: the token, and one statement", cpu_us(lambda: caller_of_token(token))),
        ("the orders' statement", cpu_us(lambda: compiled.statement.run(values))),
        ("the lines' two statements", cpu_us(lambda: [s.run(parents) for _, s in compiled.lists])),
        ("rows to bodies, totals computed", cpu_us(lambda: compiled.make(rows))),
        ("bodies to JSON", cpu_us(lambda: dumps(bodies))),
        ("Django, middleware, log line, metrics (a request for `/healthz`)", cpu_us(ask("/healthz"))),
    ]
    total = cpu_us(whole)
    rest = total - sum(cost for _, cost in parts)
    return [
        ("the whole request", total),
        *parts,
        ("DRF's dispatch, and what is slower between the others", rest),
    ]


def table(token: str) -> str:
    """The same as Markdown."""
    measured = measure(token)
    whole = measured[0][1]
    lines = ["| part | CPU µs | share |", "|---|---|---|"]
    lines += [f"| {name} | {cost:,.0f} | {cost / whole:.0%} |" for name, cost in measured]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(prepare()))
