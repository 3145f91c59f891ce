"""Chat over 200 sockets in 20 rooms: the product against a bare `websockets` server, on one PostgreSQL.

`python -m bench.chat` prints the section alone. TYPING is fan-out only. SEND stores the message first. The load is a
process of raw sockets that only counts bytes, because all frames of a round have the same length. Ratios are taken
round by round. A last measurement spreads the sockets over two processes of the product, connected by Redis.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bench import servers
from bench.report import Goal, Section, spread
from bench.servers import ENV, SECONDS, cpu_of_tree, ensure_database, free_port, running, use_django

DATABASE = "garage_bench_chat"
ROUNDS = min(servers.ROUNDS, 3)
ROOMS, PEOPLE = 20, 10
WINDOW = 8  # frames in flight per room
WARM_SECONDS = 0.5
BODY = "How is my car?"
OURS = [
    "uvicorn", "config.asgi:application", "--ws", "chat.sockets.protocol:Protocol", "--ws-max-size", "65536",
    "--ws-per-message-deflate", "false", "--no-access-log", "--port",
]  # fmt: skip
WORK = {"TYPING": "without storing", "SEND": "with storing"}

TEXT = f"""\
{ROOMS * PEOPLE} sockets in {ROOMS} rooms, {WINDOW} frames in flight per room. The figures are delivered frames a second,
and CPU of the server per frame. The load and PostgreSQL share the two cores with the servers.

The peer keeps rooms in a dictionary and calls `websockets.broadcast`. To store, it makes one asyncpg INSERT per message,
from a pool, into a table with a key and one index: no number, no lock, no foreign keys, no permissions. The product
stores into its own tables under the lock of the thread, and puts all waiting messages into one transaction.

"""
TABLE = """\
| work | ours | bare | ours / bare, delivered | ours / bare, per CPU second |
|---|---|---|---|---|"""

Users = dict[str, list[Any]]  # token -> id and uuid of the user, id and uuid of their thread


@dataclass
class Server:
    """Processes that serve the same rooms, and the table in which they store messages."""

    ports: list[int]
    pids: list[int]
    table: str

    def cpu(self) -> float:
        return sum(map(cpu_of_tree, self.pids))


@dataclass
class Round:
    rate: float  # frames delivered a second
    cost: float  # CPU microseconds a frame

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s at {self.cost:.1f} µs"


def measure() -> Section:
    """Measure fan-out with and without storing, in one process and across two."""
    env = {**ENV, "DB_NAME": DATABASE, "LOG_LEVEL": "WARNING"}
    alone = {**env, "REDIS_URL": ""}  # the peer is one process as well
    ensure_database(DATABASE, anew=True)
    use_django(alone)
    users = _people()
    rounds: dict[str, dict[str, list[Round]]] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(_ours(1, alone))
        bare = stack.enter_context(_bare({**alone, "BARE_USERS": json.dumps(users)}))
        for kind in WORK:
            _check(kind, ours, bare, users)
            rounds[kind] = {"ours": [], "bare": []}
            for _ in range(ROUNDS):
                rounds[kind]["ours"].append(_round(ours, users, kind))
                rounds[kind]["bare"].append(_round(bare, users, kind))
    with _ours(2, env) as both:
        across = {kind: _round(both, users, kind) for kind in WORK}
    goals = [
        Goal(f"chat fan-out, {ROOMS * PEOPLE} sockets in {ROOMS} rooms, {work}", _against(kind), 0.9, _rates(rounds[kind]))
        for kind, work in WORK.items()
    ]  # fmt: skip
    return Section("Chat", goals, [*_text(rounds), *_across(across)])


# --- The servers and their rows -----------------------------------------------------------------------------------------------


def _people() -> Users:
    """Create 20 customers with ten logins and a thread each, and return their tokens."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User
    from chat.actions import start_conversation
    from customers.actions import create_customer
    from customers.callers import caller_of_user
    from customers.models import CustomerUser

    call_command("migrate", verbosity=0)
    now, users = timezone.now(), {}
    for room in range(ROOMS):
        people = [User.objects.create(email=f"{room}-{n}@bench.example") for n in range(PEOPLE)]
        customer = create_customer(user=people[0], now=now)
        for person in people[1:]:
            CustomerUser.objects.create(customer=customer, user=person)
        conversation = start_conversation(
            by=caller_of_user(people[0]), subject="Bench", message="Hello", now=now
        )
        for person in people:
            token = open_session(user=person, now=now).access
            users[token] = [person.pk, str(person.uuid), conversation.pk, str(conversation.uuid)]
    connection.close()
    return users


@contextmanager
def _ours(processes: int, env: dict[str, str]) -> Iterator[Server]:
    ports = [free_port() for _ in range(processes)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(running([*OURS, str(port)], port=port, env=env, name=f"chat-{port}"))
            for port in ports
        ]
        yield Server(ports, [one.pid for one in started], "chat_message")


@contextmanager
def _bare(env: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    command = ["bench.peers.bare_sockets", str(port)]
    login = {"host": env["DB_HOST"], "database": DATABASE,
             "user": env.get("DB_USER", "postgres"), "password": env.get("DB_PASSWORD", "postgres")}  # fmt: skip
    with running(
        command, port=port, env={**env, "BARE_DATABASE": json.dumps(login)}, name="chat-bare"
    ) as process:
        yield Server([port], [process.pid], "bare_message")


def _stored(server: Server) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {server.table}")
        return int(cursor.fetchone()[0])


# --- The load -------------------------------------------------------------------------------------------------------


class Reader(asyncio.Protocol):
    """A socket that counts the bytes it receives after the handshake."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first = b""
        self.bytes = 0
        self.on_data: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            assert b" 101 " in data.split(b"\r\n", 1)[0], data
            self.open.set_result(None)
            data = data.split(b"\r\n\r\n", 1)[1]
        if data and not self.first:
            self.first = data
        self.bytes += len(data)
        self.on_data()


Rooms = dict[str, list[Reader]]


async def _enter(server: Server, users: Users) -> Rooms:
    """Open a socket for each user. The sockets of a room alternate between the processes, so that the sender and the
    witness of `_talk` are in different ones."""
    rooms: Rooms = {}
    for number, (token, (*_, thread)) in enumerate(users.items()):
        port = server.ports[number % len(server.ports)]
        transport, reader = await asyncio.get_running_loop().create_connection(Reader, "127.0.0.1", port)
        transport.write(
            f"GET /chat/ws?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.open
        rooms.setdefault(thread, []).append(reader)
    return rooms


def _masked(kind: str, thread: str) -> bytes:
    """Return a client's frame. The mask is zeros, so the text stays as it is."""
    text = json.dumps({"type": kind, "threadId": thread, "body": BODY}).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text


async def _first_frame(rooms: Rooms, kind: str) -> bytes:
    """Send one frame in the first room and return it as received. All frames of the round have its length."""
    thread, people = next(iter(rooms.items()))
    people[0].transport.write(_masked(kind, thread))
    for _ in range(500):
        await asyncio.sleep(0.01)
        if people[1].first:
            await asyncio.sleep(0.1)
            return people[1].first
    raise AssertionError("no frame was received within 5 s")


def _talk(people: list[Reader], frame: bytes, size: int) -> None:
    """Let the first socket of a room send a frame whenever the second has received one."""
    sender, witness = people[:2]
    sent = 0

    def top_up() -> None:
        nonlocal sent
        missing = WINDOW - (sent - witness.bytes // size)
        if missing > 0:
            sent += missing
            sender.transport.write(frame * missing)

    witness.on_data = top_up
    top_up()


def _round(server: Server, users: Users, kind: str) -> Round:
    before = _stored(server)
    measured, delivered = asyncio.run(_load(server, users, kind))
    if kind == "SEND":
        assert _stored(server) - before >= delivered, "fewer messages were stored than were delivered"
    return measured


async def _load(server: Server, users: Users, kind: str) -> tuple[Round, int]:
    """Return the rate of the round, and the number of frames that the senders had delivered by its end."""
    rooms = await _enter(server, users)
    readers = [reader for room in rooms.values() for reader in room]
    size = len(await _first_frame(rooms, kind))
    for reader in readers:
        reader.bytes = 0
    for thread, people in rooms.items():
        _talk(people, _masked(kind, thread), size)
    await asyncio.sleep(WARM_SECONDS)
    received, spent, began = sum(reader.bytes for reader in readers), server.cpu(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    frames = (sum(reader.bytes for reader in readers) - received) / size
    rate, cost = frames / (time.perf_counter() - began), 1e6 * (server.cpu() - spent) / frames
    for reader in readers:
        reader.on_data = lambda: None
    delivered = sum(people[1].bytes // size for people in rooms.values())
    for reader in readers:
        reader.transport.abort()
    await asyncio.sleep(0.3)
    return Round(rate, cost), delivered


def _check(kind: str, ours: Server, bare: Server, users: Users) -> None:
    """Assert that both servers send the same frame, apart from the id and time of a message."""

    async def one(server: Server) -> dict[str, Any]:
        rooms = await _enter(server, users)
        frame = await _first_frame(rooms, kind)
        for reader in (reader for room in rooms.values() for reader in room):
            reader.transport.abort()
        text = frame[2 if frame[1] < 126 else 4 :]
        return {name: len(word) if name in ("id", "timestamp") else word for name, word in json.loads(text).items()}  # fmt: skip

    frames = [asyncio.run(one(server)) for server in (ours, bare)]
    assert frames[0] == frames[1], frames


# --- The report ---------------------------------------------------------------------------------------------------


def _against(kind: str) -> str:
    return "bare `websockets`" + (", an asyncpg INSERT each" if kind == "SEND" else "")


def _rates(rounds: dict[str, list[Round]]) -> list[float]:
    return [ours.rate / bare.rate for ours, bare in zip(rounds["ours"], rounds["bare"], strict=True)]


def _costs(rounds: dict[str, list[Round]]) -> list[float]:
    return [bare.cost / ours.cost for ours, bare in zip(rounds["ours"], rounds["bare"], strict=True)]


def _text(rounds: dict[str, dict[str, list[Round]]]) -> list[str]:
    lines = [*TEXT.splitlines(), *TABLE.splitlines()]
    for kind, given in rounds.items():
        cells = ["; ".join(map(str, given[name])) for name in ("ours", "bare")]
        lines.append(
            f"| {WORK[kind]} | {cells[0]} | {cells[1]} | {spread(_rates(given))} | {spread(_costs(given))} |"
        )
    return lines


def _across(rounds: dict[str, Round]) -> list[str]:
    rates = ", ".join(f"{WORK[kind]} {one}" for kind, one in rounds.items())
    return ["", f"Across two processes through Redis, half of each room's sockets on each: {rates}."]


if __name__ == "__main__":
    section = measure()
    print("\n".join(goal.row() for goal in section.goals))
    print(section.markdown())
