"""Promise: a held lock holds up no other.

One customer's row is locked by another connection, and writes of that customer wait for it: one kind for each contract.
Meanwhile probes, reads and (on PostgreSQL) writes to other rows are answered soon. A case is a response. The waiting
writes are 503, and each of them succeeds once when it is sent again with its key.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings

from chat.models import Conversation
from customers.models import Customer
from repair_orders.models import RepairOrder
from testing.live import ALICE, CARE, FLEET
from testing.servers import Server
from trust.calls import Answer, Client
from trust.databases import looking_into
from trust.promises import Tally, Trial
from trust.sign_ins import collect_static_files
from trust.sites import site

JOHN = {"email": "john@example.com", "password": "securepassword123"}
LOCK_SECONDS, SOON, SOON_ON_A_BUSY_MACHINE = 3, 2, 10
AWAY = "The service cannot answer right now. Try again in a few seconds."
SHORT, TITLED = {"error": AWAY}, {"error": "Service unavailable", "detail": AWAY}


@dataclass(frozen=True)
class Write:
    """A write of a customer. `body` makes it from a text, and `rows` counts what it stored."""

    login: dict[str, str]
    method: str
    path: str
    body: Callable[[str], dict[str, str]]
    rows: Callable[[str], int]
    refusal: dict[str, str]


def _conversations(text: str) -> int:
    return Conversation.objects.filter(subject=text).count()


WRITES = {
    "contract 004": Write(
        ALICE, "PATCH", "/api/v1/customers/profile/update/", lambda text: {"city": text},
        lambda text: Customer.history.filter(city=text).count(), TITLED,
    ),
    "contract 002": Write(
        CARE, "POST", "/api/v1/customer/tickets",
        lambda text: {"subject": text, "description": "They squeak."}, _conversations, TITLED,
    ),
    "contract 003": Write(
        JOHN, "POST", "/api/chat/threads/", lambda text: {"subject": text}, _conversations, SHORT,
    ),
    "contract 001": Write(
        FLEET, "POST", "/customer/api/repairs/", lambda text: {"unit_number": "A123", "description": text},
        lambda text: RepairOrder.objects.filter(description=text).count(), SHORT,
    ),
}  # fmt: skip
PORTAL = "/customer/api/"
# The reads of a caller with a token, and of one with a session of the portal.
READS = {
    False: ("/api/v1/customers/profile/", "/api/v1/customer/dashboard"),
    True: ("/customer/dashboard/", f"{PORTAL}repairs/"),
}


def held_locks(trial: Trial, tally: Tally) -> None:
    collect_static_files()
    soon = trial.size(SOON, SOON, SOON_ON_A_BUSY_MACHINE)
    for engine in trial.engines:
        with site(trial, engine, DB_LOCK_SECONDS=str(LOCK_SECONDS)) as place:
            starts = {"production": place.web, "embedded": place.embedded}
            for name, start in list(starts.items())[: trial.size(2, 2, 1)]:
                with start() as server, looking_into(server.env):
                    for number in range(trial.size(5, 1)):
                        for turn, kind in enumerate(list(WRITES)[: trial.size(4, 4, 1)]):
                            # A few, and more than there are threads.
                            waiting = (2, 30)[(number + turn) % 2]
                            _hold(
                                server, tally, f"{engine}, {name}, {kind}", kind, waiting=waiting, soon=soon
                            )


def _hold(server: Server, tally: Tally, name: str, kind: str, *, waiting: int, soon: float) -> None:
    write = WRITES[kind]
    other = next(other for other in WRITES.values() if other.login != write.login)
    client, neighbour = _signed_in(server, write), _signed_in(server, other)
    texts = [f"{kind} {time.monotonic_ns()} {number}" for number in range(waiting)]
    with ThreadPoolExecutor(waiting) as pool:
        with locked(server.env, write.login["email"]):
            sent = [pool.submit(_send, client, write, text) for text in texts]
            time.sleep(0.7)
            longest = 0.0
            for path in ("/healthz", *READS[write.path.startswith(PORTAL)]) * 3:
                longest = max(
                    longest, _timed(tally, name, lambda at=path: client.send("GET", at), {200, 404})
                )
            if server.env["USE_POSTGRES"] == "true" and waiting < 4:  # SQLite has one lock for all writers
                text = f"beside {time.monotonic_ns()}"
                longest = max(longest, _timed(tally, name, lambda: _send(neighbour, other, text), {200, 201}))
            tally.tried(longest < soon, f"{name}: {longest:.1f} s beside {waiting} waiting writes")
            answers = [one.result() for one in sent]
        for answer in answers:
            holds = answer.status == 503 and answer.json() == write.refusal
            tally.tried(holds and answer.headers.get("retry-after") == "5", f"{name}: {answer}")
        for text in texts[:3]:
            tally.tried(not write.rows(text), f"{name}: a refused write is stored")
            again = list(pool.map(lambda _, same=text: _send(client, write, same), range(2)))
            tally.tried({one.status for one in again} <= {200, 201}, f"{name}: {again}", cases=2)
            tally.tried(write.rows(text) == 1, f"{name}: {write.rows(text)} rows after the second sending")
    client.close()
    neighbour.close()


def _signed_in(server: Server, write: Write) -> Client:
    client = Client(server.port, headers={"Host": "localhost"})
    email, password = write.login["email"], write.login["password"]
    return (
        client.sign_in_to_pages(email, password)
        if write.path.startswith(PORTAL)
        else client.sign_in(email, password)
    )


def _send(client: Client, write: Write, text: str) -> Answer:
    """Send the write on a connection of its own thread, with a key made of the text."""
    key = {"Idempotency_Key": text.replace(" ", "-")} if write.method == "POST" else {}
    token = client.cookies.get("csrftoken", "")
    answer = client.send(write.method, write.path, write.body(text), X_CSRFToken=token, **key)
    client.close()
    return answer


def _timed(tally: Tally, name: str, ask: Callable[[], Answer], expected: set[int]) -> float:
    began = time.monotonic()
    answer = ask()
    tally.tried(answer.status in expected, f"{name}, beside the waiting writes: {answer}")
    return time.monotonic() - began


@contextmanager
def locked(env: dict[str, str], email: str) -> Iterator[None]:
    """Lock the customer with that login on PostgreSQL, and the whole database against writers on SQLite."""
    if env["USE_POSTGRES"] == "true":
        given: Any = settings.POSTGRES
        pk = Customer.objects.get(logins__user__email=email).pk
        with psycopg.connect(
            host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
            dbname=env["DB_NAME"],
        ) as connection:  # fmt: skip
            connection.execute("SELECT 1 FROM customers_customer WHERE id = %s FOR UPDATE", [pk])
            yield
        return
    other = sqlite3.connect(env["SQLITE_PATH"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()
