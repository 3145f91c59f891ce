"""Promise: sockets hold, with a thousand idle ones, readers that stop reading, and bad frames and tokens."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import uuid4

import requests
from rest_framework_simplejwt.backends import TokenBackend
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from bench.servers import memory_of_tree
from chat.sockets.registry import MAX_SOCKETS
from testing.live import ADMIN, ALICE, Person, closed, hear, say
from testing.servers import Server
from trust.promises import Tally, Trial
from trust.sites import Site, site

USERS = 20
PASSWORD = "securepassword123"
SOON, SOON_ON_A_BUSY_MACHINE = 1, 3  # seconds within which a message of the conversation must arrive
IDLE_MEGABYTES = 60  # for a thousand sockets
STALLED_MEGABYTES = 32  # for one client that stops reading: kernel buffers, server buffers and outbox
REFUSED, TOO_BIG, TRY_AGAIN, TOO_MANY = 4401, 1009, 1013, 4429


def sockets_hold(trial: Trial, tally: Tally) -> None:
    """Run all steps beside a conversation of two users, in which each message must arrive within a second."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    with (
        site(trial, "SQLite", RATE_REGISTER="1000", SOCKET_CHECK_SECONDS="2") as place,
        place.embedded() as server,
    ):
        people = _people(server.url)
        asyncio.run(_beside_a_conversation(place, server, people, trial, tally))


async def _beside_a_conversation(
    place: Site, server: Server, people: list[Person], trial: Trial, tally: Tally
) -> None:
    alice, ada = Person(server.url, ALICE), Person(server.url, ADMIN)
    talk = Conversation(alice, ada, alice.start_thread())
    talking = asyncio.create_task(talk.go_on())
    async with AsyncExitStack() as open_ones:
        idle = await _open_idle(server, people, tally, open_ones, number=trial.size(1_000, 200, 20))
        for step in (
            _one_more_than_allowed(people[0], idle, tally),
            _frames_too_large(alice, tally, number=trial.size(20, 5, 1)),
            _strangers(place, alice, tally),
            _an_ended_session(server, tally),
            *([] if trial.is_smoke else [_a_stalled_reader(server, alice, tally)]),
        ):
            await step
            tally.tried(not talking.done(), "the conversation ended early")
        if trial.size(1, 0):
            await asyncio.sleep(45)  # longer than two pings, which keep an idle socket open
        for one in idle:
            tally.tried(one.close_code is None, f"an idle socket was closed with {one.close_code}")
        talk.is_over = True
        await talking
        await asyncio.gather(*(one.close() for one in idle))
    soon = trial.size(SOON, SOON_ON_A_BUSY_MACHINE)
    for n, seconds in enumerate(talk.seconds):
        tally.tried(seconds < soon, f"message {n} of the conversation arrived after {seconds:.2f} s")
    tally.note(
        f"{len(talk.seconds)} messages beside the steps, the slowest arrived after {max(talk.seconds):.2f} s"
    )


class Conversation:
    """A customer and a member of staff who reply to each other, and the seconds of each message."""

    def __init__(self, customer: Person, staff: Person, thread: str) -> None:
        self.customer, self.staff, self.thread = customer, staff, thread
        self.seconds: list[float] = []
        self.is_over = False

    async def go_on(self) -> None:
        async with self.customer.socket() as one, self.staff.socket() as other:
            while not self.is_over:
                for speaker, hearer in ((one, other), (other, one)):
                    body, began = uuid4().hex, time.monotonic()
                    await say(speaker, type="SEND", threadId=self.thread, body=body)
                    for client in (hearer, speaker):
                        while (await hear(client, 20)).get("body") != body:
                            pass
                    self.seconds.append(time.monotonic() - began)
                    await asyncio.sleep(0.1)


def _people(url: str) -> list[Person]:
    people = []
    for n in range(USERS):
        login = {"email": f"socket{n}@example.com", "password": PASSWORD}
        form = {**login, "name": f"Customer {n}", "phone": f"+1555100{n:04}"}
        requests.post(f"{url}/api/auth/register/", json=form, timeout=60).raise_for_status()
        people.append(Person(url, login))
    return people


async def _open_idle(
    server: Server, people: list[Person], tally: Tally, stack: AsyncExitStack, *, number: int
) -> list[ClientConnection]:
    """Open idle sockets, spread over the users, and check the memory that they cost."""
    before, began = memory_of_tree(server.process.pid), time.monotonic()
    idle: list[ClientConnection] = []
    for n in range(0, number, USERS):
        batch = [person.socket(open_timeout=60) for person in people[: min(USERS, number - n)]]
        idle += await asyncio.gather(*(stack.enter_async_context(one) for one in batch))
    seconds, grown = time.monotonic() - began, memory_of_tree(server.process.pid) - before
    for one in idle:
        tally.tried(one.close_code is None, f"an idle socket was closed with {one.close_code}")
    tally.tried(grown < IDLE_MEGABYTES, f"{number} idle sockets cost {grown:.0f} MB")
    tally.note(f"{number:,} idle sockets of {USERS} users opened in {seconds:.1f} s cost {grown:.0f} MB")
    return idle


async def _one_more_than_allowed(person: Person, idle: list[ClientConnection], tally: Tally) -> None:
    """Check that a user's surplus socket is refused, their open ones stay, and a closed one frees its place."""
    mine = idle[::USERS]
    async with AsyncExitStack() as stack:
        for _ in range(MAX_SOCKETS - len(mine)):
            await stack.enter_async_context(person.socket())
        for _ in range(3):
            async with person.socket() as refused:
                code = await closed(refused)
                tally.tried(code == TOO_MANY, f"one more than allowed was closed with {code}")
        tally.tried(all(one.close_code is None for one in mine), "an older socket was closed")
        await mine[-1].close()
        async with person.socket() as again:
            pong = await again.ping()
            await asyncio.wait_for(pong, 5)
            tally.tried(again.close_code is None, f"in the place of one that left: {again.close_code}")
    idle.remove(mine[-1])


async def _frames_too_large(person: Person, tally: Tally, *, number: int) -> None:
    for n in range(number):
        size = 65_537 + n * 65_537
        async with person.socket() as one:
            await one.send("x" * size if n % 2 else b"x" * size)
            code = await closed(one)
            tally.tried(code == TOO_BIG, f"a frame of {size} bytes was closed with {code}")
    async with person.socket() as one:
        await one.send("x" * 65_536)
        # The conversation beside goes on in this socket, too.
        while (answer := await hear(one))["type"] == "MESSAGE":
            pass
        tally.tried(answer["type"] == "ERROR", f"a frame of 65,536 bytes was answered {answer}")


async def _strangers(place: Site, person: Person, tally: Tally) -> None:
    """Check that foreign origins are refused, and that bad tokens and tickets are closed with 4401."""
    for origin in (
        "https://evil.example",
        "null",
        "http://localhost:3000.evil.example",
        "file://",
        "http://",
    ):
        try:
            async with person.socket(origin=origin):
                tally.tried(False, f"a page of {origin} was accepted")
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            tally.tried(status == 403, f"a page of {origin} was answered {status}")
    header, body, signature = person.token.split(".")
    claims = TokenBackend("HS256", place.env["SECRET_KEY"])
    given: dict[str, Any] = claims.decode(person.token)
    past = {"exp": given["exp"] - timedelta(days=1).total_seconds(), "iat": given["iat"] - 90_000}
    tokens = {
        "expired": claims.encode({**given, **past}),
        "refresh": person.tokens["refresh"],
        "another key's": TokenBackend("HS256", "k" * 64).encode(given),
        "without a type": claims.encode({k: v for k, v in given.items() if k != "token_type"}),
        "without a session": claims.encode({k: v for k, v in given.items() if k != "sid"}),
        "of no session": claims.encode({**given, "sid": str(uuid4())}),
        "unsigned": f"eyJhbGciOiJub25lIn0.{body}.",
        "cut": f"{header}.{body}.{signature[:-2]}",
        "empty": "",
        "garbage": "%00%ff%F0%9F%9A%97" * 20,
        "long": "a" * 8_000,
    }
    for kind, token in tokens.items():
        async with person.socket(f"?token={token}") as one:
            code = await closed(one)
            tally.tried(code == REFUSED, f"a token that is {kind} was closed with {code}")
    for query in ("", "?ticket=", f"?ticket={uuid4().hex}", "?token=&ticket="):
        async with person.socket(query) as one:
            code = await closed(one)
            tally.tried(code == REFUSED, f"{query!r} was closed with {code}")
    ticket = (await asyncio.to_thread(person.call, "POST", "/api/chat/ticket/"))["ticket"]
    async with person.socket(f"?ticket={ticket}") as first, person.socket(f"?ticket={ticket}") as second:
        code = await closed(second)
        tally.tried(
            code == REFUSED and first.close_code is None, f"a ticket used twice was closed with {code}"
        )


async def _an_ended_session(server: Server, tally: Tally) -> None:
    """Check that the sockets of an ended session are closed at the next check, and no others."""
    leaving, staying = [await asyncio.to_thread(Person, server.url, ALICE) for _ in range(2)]
    async with AsyncExitStack() as stack:
        ended = [await stack.enter_async_context(leaving.socket()) for _ in range(5)]
        other = await stack.enter_async_context(staying.socket())
        logout = {"refresh": leaving.tokens["refresh"]}
        await asyncio.to_thread(requests.post, f"{server.url}/api/token/blacklist/", json=logout, timeout=10)
        for code in await asyncio.gather(*(closed(one, 20) for one in ended)):
            tally.tried(code == REFUSED, f"a socket of an ended session was closed with {code}")
        tally.tried(other.close_code is None, "a socket of another session was closed")


async def _a_stalled_reader(server: Server, person: Person, tally: Tally) -> None:
    """Check that a client that stops reading is closed with 1013, and that its queue is bounded."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", server.port))
    thread = await asyncio.to_thread(person.start_thread)
    before = peak = memory_of_tree(server.process.pid)
    async with (
        person.socket(sock=plug, max_queue=1, ping_interval=None) as slow,
        person.socket() as fast,
    ):
        for n in range(400):  # 12 MB: more than the kernel, the server and the outbox hold per socket
            await say(fast, type="SEND", threadId=thread, body=f"{n}" + "€" * 9_990)
            while not (await hear(fast, 20)).get("body", "").startswith(str(n)):
                pass
            if n % 40 == 0:
                peak = max(peak, memory_of_tree(server.process.pid))
        code = await closed(slow, 20)
        tally.tried(code == TRY_AGAIN, f"a client that stopped reading was closed with {code}")
    grown = peak - before
    tally.tried(grown < STALLED_MEGABYTES, f"a client that stopped reading cost {grown:.0f} MB")
    tally.note(f"a client that stopped reading 12 MB cost {grown:.0f} MB")
