"""Promise: load is shed, with many clients, a stop during their requests, and slow clients behind the proxy."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

import psycopg
import requests
from django.conf import settings

from testing.live import ALICE, CARE, FLEET, Person
from testing.servers import NGINX, Server
from trust.promises import Tally, Trial
from trust.sites import site
from trust.wire import Ask, Client, crowd

CLIENTS = 300
MINE = "/api/shop/{0}/customers/me/{0}/"
READS = [MINE.format(noun) for noun in ("appointments", "vehicles", "repair-orders")]
# A server that stops closes idle connections. It cannot read a request that arrives within this many seconds before.
READ_SECONDS = 0.05
STOP_SECONDS = 20
# The limits for a response beside slow clients: on an idle machine, and on one that runs the suite.
SOON, SOON_ON_A_BUSY_MACHINE = 2, 10
PHOTO = b"\xff\xd8\xff\xe0" + bytes(12_000_000)  # more than the kernel buffers per connection


def load_is_shed(trial: Trial, tally: Tally) -> None:
    """300 clients see no 5xx and hold no more connections than threads. SIGTERM loses no request in flight. Behind the
    proxy, slow clients delay no other client."""
    with site(trial, trial.engines[-1], redis=True) as place:
        for name, start, is_proxied, connections in (
            ("embedded", place.embedded, False, 8),
            ("production", place.web, True, 2),
        )[: trial.size(2, 2, 1)]:
            with start() as server:
                if not trial.is_smoke:  # SQLite has no connections to count
                    _check_crowd(server, tally, name=name, seconds=trial.size(60, 2), connections=connections)
                if is_proxied and NGINX:
                    with place.proxied(server) as port:
                        _check_slow_clients(
                            port, tally, name=name, soon=trial.size(SOON, SOON, SOON_ON_A_BUSY_MACHINE)
                        )
                elif is_proxied:
                    tally.note("nginx is not installed: slow clients were not tried")
                _stop_in_the_middle(server, tally, name=name, is_proxied=is_proxied)
            for _ in range(trial.size(19, 0)):
                with start() as server:
                    _stop_in_the_middle(server, tally, name=name, is_proxied=is_proxied)


class Shop:
    """The work of the clients: read their lists, and send a message every fourth time."""

    def __init__(self, url: str) -> None:
        self.people = [Person(url, login) for login in (ALICE, FLEET, CARE)]
        self.threads = [person.start_thread() for person in self.people]
        self._turn = count()

    def clients(self, port: int, number: int) -> list[Client]:
        """Return clients of which every third opens a connection per request."""
        return [
            Client(
                port,
                keeps=n % 3 != 0,
                headers={"Authorization": f"Bearer {self.people[n % len(self.people)].token}"},
            )
            for n in range(number)
        ]

    async def send_next(self, client: Client) -> None:
        turn = next(self._turn)
        if turn % 4:
            await client.ask("GET", READS[turn % 4 - 1])
        else:
            token = client.headers["Authorization"].partition(" ")[2]
            thread = next(t for p, t in zip(self.people, self.threads, strict=True) if p.token == token)
            await client.ask("POST", f"/api/chat/threads/{thread}/messages/", {"body": f"Turn {turn}"})


def _check_crowd(server: Server, tally: Tally, *, name: str, seconds: float, connections: int) -> None:
    shop = Shop(server.url)
    clients = shop.clients(server.port, CLIENTS)
    until = time.monotonic() + seconds
    with _watched(server.env["DB_NAME"]) as seen:
        asyncio.run(crowd(clients, shop.send_next, lambda: time.monotonic() > until))
    asked = [ask for client in clients for ask in client.asked]
    for ask in asked:
        tally.tried(ask.is_whole and ask.status in (200, 201), f"{name}: {ask}")
    tally.tried(not any(client.refused for client in clients), f"{name}: connections were refused")
    tally.tried(
        0 < max(seen) <= connections, f"{name}: {max(seen)} connections to PostgreSQL, {connections} allowed"
    )
    slowest = max(ask.seconds for ask in asked)
    tally.note(
        f"{name}: {len(asked):,} requests of {CLIENTS} clients in {seconds:.0f} s, the slowest {slowest:.1f} s, "
        f"at most {max(seen)} connections to PostgreSQL"
    )


@contextmanager
def _watched(name: str) -> Iterator[list[int]]:
    """Yield a list to which the number of connections of that database is added every 0.1 s."""
    given = settings.POSTGRES
    login = f"host={given['HOST']} port={given['PORT']} user={given['USER']} password={given['PASSWORD']}"
    seen: list[int] = [0]
    is_over = threading.Event()

    def watch() -> None:
        with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as connection:
            while not is_over.wait(0.1):
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]
                ).fetchone()
                seen.append(row[0] if row else 0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _stop_in_the_middle(server: Server, tally: Tally, *, name: str, is_proxied: bool) -> None:
    """Send SIGTERM under 100 clients and count the requests in flight that are lost.

    A request is in flight when the server has begun it. In production it is also in flight when its last byte was sent
    before the signal. A request sent later may find the port closed, and then nothing was done.
    """
    shop = Shop(server.url)
    clients = shop.clients(server.port, 100)

    async def scenario() -> tuple[float, float]:
        working = asyncio.create_task(
            crowd(clients, shop.send_next, lambda: server.process.poll() is not None)
        )
        await asyncio.sleep(0.7)
        stopped_at = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.process.wait, STOP_SECONDS)
        seconds = time.monotonic() - stopped_at
        await working
        return stopped_at, seconds

    stopped_at, seconds = asyncio.run(scenario())
    log = server.log.read_text(errors="replace")
    asked = [ask for client in clients for ask in client.asked if ask.sent_at + ask.seconds > stopped_at]
    tally.tried(bool(asked), f"{name}: no request was in flight")
    for ask in asked:
        tally.tried(
            not _is_lost(ask, stopped_at if is_proxied else 0.0, log),
            f"{name}: SIGTERM after {ask.sent_at - stopped_at:.3f} s lost {ask}",
        )
    tally.tried(
        server.process.returncode in (0, -signal.SIGTERM), f"{name}: ended with {server.process.returncode}"
    )
    tally.tried(seconds < STOP_SECONDS / 2, f"{name}: took {seconds:.1f} s to stop")


def _is_lost(ask: Ask, stopped_at: float, log: str) -> bool:
    if ask.is_whole:
        return ask.status >= 500
    was_sent = 0 < ask.sent_at < stopped_at - READ_SECONDS
    return was_sent or ask.got > 0 or ask.id in log


def _check_slow_clients(port: int, tally: Tally, *, name: str, soon: float) -> None:
    """Open connections that never finish a request or never read, and check that another client is answered soon."""
    alice = Person(f"http://localhost:{port}", ALICE)
    head = f"Host: localhost\r\nAuthorization: Bearer {alice.token}\r\n"
    post = f"POST /api/chat/threads/ HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
    download = f"GET {_photo_of(alice)} HTTP/1.1\r\n{head}\r\n"
    for kind, words, number in (
        ("headers", f"GET {READS[0]} HTTP/1.1\r\n{head}X-Slow: ", 200),
        ("bodies", f"{post}Content-Length: 1000\r\n\r\n{{", 200),
        ("chunks", f"{post}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n", 200),
        ("readers", download, 40),
    ):
        slow = [_stalled_connection(port, words) for _ in range(number)]
        time.sleep(0.5)
        client = Client(port, headers={"Authorization": f"Bearer {alice.token}"})
        asked = asyncio.run(_ask_often(client))
        for ask in asked:
            tally.tried(
                ask.status == 200 and ask.seconds < soon,
                f"{name}, {number} slow {kind}: {ask}, {ask.seconds:.1f} s",
            )
        tally.tried(len(asked) == 20, f"{name}, {number} slow {kind}: {len(asked)} of 20 were answered")
        tally.note(
            f"{name}: beside {number} slow {kind} the slowest answer took {max(a.seconds for a in asked):.2f} s"
        )
        for one in slow:
            one.close()


async def _ask_often(client: Client) -> list[Ask]:
    asked: list[Ask] = []
    while len(asked) < 20:
        try:
            async with asyncio.timeout(5 * SOON):
                ask = await client.ask("GET", READS[0])
        except TimeoutError:
            return client.asked
        if ask is None:
            break
        asked.append(ask)
    client.close()
    return asked


def _stalled_connection(port: int, words: str) -> socket.socket:
    """Return a connection that has sent `words` and neither sends nor reads any more."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", port))
    one.sendall(words.encode())
    return one


def _photo_of(person: Person) -> str:
    """Upload a large photo and return its path."""
    given = person.call("POST", "/api/files/presign/", {"filename": "car.jpg", "contentType": "image/jpeg"})
    place = urlsplit(given["url"])
    requests.put(
        f"{person.url}{place.path}?{place.query}", PHOTO, headers={"Content-Type": "image/jpeg"}, timeout=30
    ).raise_for_status()
    return f"/api/files/{given['fileId']}/"
