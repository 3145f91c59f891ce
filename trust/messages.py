"""A message survives: Redis dies, sockets are cut, and everybody ends up with the log."""

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
PAUSE_SECONDS = 0.4  # between two messages of one person
QUIET_SECONDS = 30  # in which the last ones must have arrived


def a_message_survives(trial: Trial, tally: Tally) -> None:
    """Redis killed x 10 and sockets cut x 100, while 20 people chat over two processes."""
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
        tally.tried(not talker.late, f"{talker.name} heard out of order: {talker.late[:3]}")
    bodies = [row["body"] for rows in logs.values() for row in rows]
    for body in (body for talker in people for body in talker.said):
        tally.tried(bodies.count(body) == 1, f"{body!r} is {bodies.count(body)} times in the log")
    tally.note(
        f"{len(bodies):,} messages of {len(people)} people; Redis killed {kills} times, sockets cut "
        f"{sum(talker.cuts for talker in people)} times; slowest answer to a message sent by REST "
        f"{max(talker.slowest for talker in people):.2f} s"
    )


class Talker:
    """Somebody with one socket, who comes back when it is cut, and asks then for what he missed."""

    def __init__(self, name: str, person: Person, threads: list[str]) -> None:
        self.name, self.person, self.threads = name, person, threads
        self.known: dict[str, set[str]] = {thread: set() for thread in threads}
        self.last: dict[str, str] = {}  # by thread, when the last message that he knows was written
        self.late: list[str] = []
        self.said: list[str] = []
        self.answers: list[tuple[str, int]] = []
        self.slowest = 0.0
        self.cuts = 0
        self.has_said_all = False
        self._unheard: dict[
            str, dict[str, Any]
        ] = {}  # what he sent by socket and did not hear yet, by clientId
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
                    for frame in list(self._unheard.values()):
                        await self._socket.send(json.dumps(frame))
                    await self._hear(self._socket)

    async def _hear(self, connection: ClientConnection) -> None:
        before: dict[str, str] = {}
        async for text in connection:
            frame = json.loads(text)
            if frame["type"] != "MESSAGE":
                continue
            thread, at = frame["threadId"], frame["timestamp"]
            if frame["id"] not in self.known[thread]:  # what he says again is answered out of turn
                if at < before.get(thread, ""):
                    self.late.append(frame["body"])
                before[thread] = at
            self._know(thread, frame["id"], at)
            self._unheard.pop(frame.get("clientId", ""), None)

    def _know(self, thread: str, message: str, at: str) -> None:
        self.known[thread].add(message)
        self.last[thread] = max(at, self.last.get(thread, ""))

    async def talk(self) -> None:
        """By REST and by socket in turns; what the socket did not bring back is sent again under its clientId."""
        turn = 0
        while not self.has_said_all:
            turn += 1
            thread = random.choice(self.threads)
            body = f"{self.name}, {turn}"
            self.said.append(body)
            if turn % 2:
                await asyncio.to_thread(self._send_by_rest, thread, body)
            else:
                self._unheard[body] = {"type": "SEND", "threadId": thread, "body": body, "clientId": body}
                with suppress(ConnectionClosed):
                    if self._socket:
                        await self._socket.send(json.dumps(self._unheard[body]))
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
        """As a network that goes away: no close frame, nothing said."""
        assert self._socket
        self.cuts += 1
        self._socket.transport.abort()

    @property
    def is_here(self) -> bool:
        return self._socket is not None and self._socket.state is State.OPEN

    @property
    def waits(self) -> bool:
        return bool(self._unheard)


def _people(urls: list[str]) -> list[Talker]:
    """Customers with a thread each, and staff, who hear all; every other one at the other process."""
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
        one.has_said_all = True
    await asyncio.gather(*talking)
    with redis_on(port):
        await _quiet(people)
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


async def _quiet(people: list[Talker]) -> None:
    """Wait until everybody has heard of everything, over sockets that nobody cuts any more."""
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
            and sum(known.values()) == sum(len(p.said) for p in people)
        ):
            return
