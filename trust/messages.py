"""Promise: a message survives. Redis is killed, sockets are cut, and every client ends up with the whole log."""

from __future__ import annotations

import asyncio
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import requests
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from testing.live import ADMIN, TECHNICIAN, Person, redis_on
from testing.servers import free_port
from trust.promises import Tally, Trial
from trust.sites import site

CUSTOMERS, STAFF = 16, 4
PASSWORD = "securepassword123"
PAUSE_SECONDS = 0.4  # between two messages of one user
QUIET_SECONDS = 30  # within which the last messages must arrive


def a_message_survives(trial: Trial, tally: Tally) -> None:
    """Kill Redis 10 times and cut sockets 100 times while 20 users chat over two processes."""
    kills, cuts = trial.size(10, 2, 1), trial.size(100, 20, 2)
    port = free_port()
    redis = f"redis://127.0.0.1:{port}/0"
    with (
        site(trial, trial.engines[-1], REDIS_URL=redis, RATE_REGISTER="1000") as place,
        place.embedded() as one,
        place.embedded() as two,
    ):
        people = _people([one.url, two.url])
        asyncio.run(_chat(people, tally, port=port, kills=kills, cuts=cuts))
        logs = {thread: people[-1].read(thread) for thread in people[-1].threads}
    for talker in people:
        for thread in talker.threads:
            missed = [row["body"] for row in logs[thread] if row["id"] not in talker.known[thread]]
            extra = set(talker.known[thread]) - {row["id"] for row in logs[thread]}
            tally.tried(
                not missed and not extra,
                f"{talker.name} missed {missed[:5]} ({len(missed)}) and has {len(extra)} more",
            )
        tally.tried(not talker.late, f"{talker.name} received messages out of order: {talker.late[:3]}")
    bodies = [row["body"] for rows in logs.values() for row in rows]
    for body in (body for talker in people for body in talker.sent):
        tally.tried(bodies.count(body) == 1, f"{body!r} is {bodies.count(body)} times in the log")
    tally.note(
        f"{len(bodies):,} messages of {len(people)} users, Redis killed {kills} times, sockets cut "
        f"{sum(talker.cuts for talker in people)} times, slowest response to a message sent by REST "
        f"{max(talker.slowest for talker in people):.2f} s"
    )


class Talker:
    """A user with one socket, who reconnects when it is cut and then fetches the missed messages."""

    def __init__(self, name: str, person: Person, threads: list[str]) -> None:
        self.name, self.person, self.threads = name, person, threads
        self.known: dict[str, set[str]] = {thread: set() for thread in threads}
        self.last: dict[str, str] = {}  # thread -> time of the newest known message
        self.late: list[str] = []
        self.sent: list[str] = []
        self.answers: list[tuple[str, int]] = []
        self.slowest = 0.0
        self.cuts = 0
        self.is_finished = False
        self._pending: dict[str, dict[str, Any]] = {}  # clientId -> frame sent by socket and not received yet
        self._socket: ClientConnection | None = None

    def read(self, thread: str, since: str | None = None) -> list[dict[str, Any]]:
        query = f"?since={quote(since)}" if since else ""
        rows: list[dict[str, Any]] = self.person.call("GET", f"/api/chat/threads/{thread}/messages/{query}")
        return rows

    async def listen(self) -> None:
        while True:
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                async with self.person.socket() as self._socket:
                    for thread in self.threads:
                        for row in await asyncio.to_thread(self.read, thread, self.last.get(thread)):
                            self._know(thread, row["id"], row["createdAt"])
                    for frame in list(self._pending.values()):
                        await self._socket.send(json.dumps(frame))
                    await self._hear(self._socket)

    async def _hear(self, connection: ClientConnection) -> None:
        before: dict[str, str] = {}
        async for text in connection:
            frame = json.loads(text)
            if frame["type"] != "MESSAGE":
                continue
            thread, at = frame["threadId"], frame["timestamp"]
            if frame["id"] not in self.known[thread]:  # the reply to a repeated frame is out of order
                if at < before.get(thread, ""):
                    self.late.append(frame["body"])
                before[thread] = at
            self._know(thread, frame["id"], at)
            self._pending.pop(frame.get("clientId", ""), None)

    def _know(self, thread: str, message: str, at: str) -> None:
        self.known[thread].add(message)
        self.last[thread] = max(at, self.last.get(thread, ""))

    async def talk(self) -> None:
        """Send messages by REST and by socket in turn. Frames without a reply are sent again with their clientId."""
        turn = 0
        while not self.is_finished:
            turn += 1
            thread = random.choice(self.threads)
            body = f"{self.name}, {turn}"
            self.sent.append(body)
            if turn % 2:
                await asyncio.to_thread(self._send_by_rest, thread, body)
            else:
                self._pending[body] = {"type": "SEND", "threadId": thread, "body": body, "clientId": body}
                with suppress(ConnectionClosed):
                    if self._socket:
                        await self._socket.send(json.dumps(self._pending[body]))
            await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))

    def _send_by_rest(self, thread: str, body: str) -> None:
        began = time.monotonic()
        answer = requests.post(
            f"{self.person.url}/api/chat/threads/{thread}/messages/", json={"body": body},
            headers={"Authorization": f"Bearer {self.person.token}"}, timeout=60,
        )  # fmt: skip
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers.append((body, answer.status_code))

    def cut(self) -> None:
        """Abort the connection like a lost network, without a close frame."""
        assert self._socket
        self.cuts += 1
        self._socket.transport.abort()

    @property
    def is_here(self) -> bool:
        return self._socket is not None and self._socket.state is State.OPEN

    @property
    def waits(self) -> bool:
        return bool(self._pending)


def _people(urls: list[str]) -> list[Talker]:
    """Create customers with a thread each, and staff, who receive all messages, alternating between the processes."""
    customers = []
    for n in range(CUSTOMERS):
        url, login = urls[n % 2], {"email": f"customer{n}@example.com", "password": PASSWORD}
        form = {**login, "name": f"Customer {n}", "phone": f"+1555000{n:04}"}
        requests.post(f"{url}/api/auth/register/", json=form, timeout=60).raise_for_status()
        person = Person(url, login)
        customers.append(Talker(f"customer {n}", person, [person.start_thread()]))
    threads = [thread for customer in customers for thread in customer.threads]
    logins = [(urls[n % 2], ADMIN if n < STAFF / 2 else TECHNICIAN) for n in range(STAFF)]
    return [*customers, *(Talker(f"staff {n}", Person(*login), threads) for n, login in enumerate(logins))]


async def _chat(people: list[Talker], tally: Tally, *, port: int, kills: int, cuts: int) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * len(people)))
    listening = [asyncio.create_task(one.listen()) for one in people]
    talking = [asyncio.create_task(one.talk()) for one in people]
    seconds = kills * 3.0
    cutting = asyncio.create_task(_cut(people, cuts, seconds / cuts))
    for _ in range(kills):
        with redis_on(port):
            await asyncio.sleep(random.uniform(1.2, 1.8))
        await asyncio.sleep(random.uniform(0.8, 1.4))
    await cutting
    for one in people:
        one.is_finished = True
    await asyncio.gather(*talking)
    with redis_on(port):
        await _wait_for_delivery(people)
    for task in listening:
        task.cancel()
    for body, status in (answer for one in people for answer in one.answers):
        tally.tried(status == 201, f"{body!r} sent by REST: {status}")


async def _cut(people: list[Talker], cuts: int, pause: float) -> None:
    for _ in range(cuts):
        await asyncio.sleep(pause)
        while not (here := [one for one in people if one.is_here]):
            await asyncio.sleep(0.05)
        random.choice(here).cut()


async def _wait_for_delivery(people: list[Talker]) -> None:
    """Wait until every user has received every message, with no more cuts."""
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        known = {thread: len(ids) for one in people[:CUSTOMERS] for thread, ids in one.known.items()}
        even = all(
            len(one.known[thread]) == known[thread] for one in people[CUSTOMERS:] for thread in one.threads
        )
        if (
            even
            and not any(one.waits for one in people)
            and sum(known.values()) == sum(len(p.sent) for p in people)
        ):
            return
