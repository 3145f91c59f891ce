"""`python bench/chat.py`: 200 sockets in 20 rooms, ours against a bare `websockets` broadcaster, on one PostgreSQL.

TYPING is fan-out alone; SEND stores first. The load is a process of raw sockets that only counts bytes: all frames of
a round are equally long. Ratios are taken round by round.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
ROOMS, PEOPLE = 20, 10
WINDOW = 8  # frames a room has on their way
ENV = {
    **os.environ,
    "DEBUG": "false", "SECRET_KEY": os.environ.get("SECRET_KEY", secrets.token_urlsafe(60)),
    "ALLOWED_HOSTS": "127.0.0.1", "USE_POSTGRES": "true", "DB_HOST": os.environ.get("DB_HOST", "127.0.0.1"),
    "DB_NAME": os.environ.get("BENCH_DB", "garage_bench_chat"), "REDIS_URL": "", "RATE_USER": "1000000000",
    "DB_POOL_SIZE": "0", "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(folder: Path) -> tuple[str, dict[str, list]]:
    """The database with 20 customers of ten logins and a thread each: its DSN; token -> user, uuid, thread, its uuid."""
    os.environ.update(ENV)
    sys.path.insert(0, str(ROOT))
    import psycopg

    login = f"host={ENV['DB_HOST']} user={ENV.get('DB_USER', 'postgres')} password={ENV.get('DB_PASSWORD', 'postgres')}"
    with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{ENV["DB_NAME"]}"')
        connection.execute(f'CREATE DATABASE "{ENV["DB_NAME"]}"')
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection as database
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User
    from chat.actions import start_thread
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
        thread = start_thread(by=caller_of_user(people[0]), subject="Bench", message="Hello", now=now)
        for person in people:
            token = open_session(user=person, now=now).access
            users[token] = [person.pk, str(person.uuid), thread.pk, str(thread.uuid)]
    database.close()
    (folder / "users.json").write_text(json.dumps(users))
    return f"{login} dbname={ENV['DB_NAME']}", users


class Reader(asyncio.Protocol):
    """A socket after its handshake: counts what comes."""

    def __init__(self) -> None:
        self.open = asyncio.get_running_loop().create_future()
        self.bytes, self.size, self.heard = 0, 0, lambda: None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            assert b" 101 " in data.split(b"\r\n", 1)[0], data
            self.open.set_result(None)
            data = data.split(b"\r\n\r\n", 1)[1]
        if data and not self.size:  # of the first frame: header and text
            self.size = 2 + data[1] if data[1] < 126 else 4 + int.from_bytes(data[2:4], "big")
        self.bytes += len(data)
        self.heard()


def masked(frame: dict[str, str]) -> bytes:
    """A client's frame; a mask of zeros leaves the text as it is."""
    text = json.dumps(frame).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text


def cpu(process: int) -> float:
    """CPU seconds of a process so far, all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(port: int, users: dict[str, list], kind: str, process: int) -> tuple[float, float]:
    """Frames delivered a second, and the server's CPU microseconds for each."""
    loop, rooms = asyncio.get_running_loop(), {}
    for token, (*_, thread) in users.items():
        transport, reader = await loop.create_connection(Reader, "127.0.0.1", port)
        transport.write(
            f"GET /chat/ws?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.open
        rooms.setdefault(thread, []).append(reader)
    first = next(iter(rooms))
    say = {thread: masked({"type": kind, "threadId": thread, "body": "How is my car?"}) for thread in rooms}
    # One frame alone says how long they are.
    rooms[first][0].transport.write(say[first])
    await asyncio.sleep(1)
    size = rooms[first][1].size
    assert size, "nothing heard"
    everybody = [reader for room in rooms.values() for reader in room]
    for reader in everybody:
        reader.bytes = 0

    def talker(thread: str):
        sender, witness = rooms[thread][:2]
        sent = 0

        def top_up() -> None:
            nonlocal sent
            missing = WINDOW - (sent - witness.bytes // size)
            if missing > 0:
                sent += missing
                sender.transport.write(say[thread] * missing)

        witness.heard = top_up
        return top_up

    for thread in rooms:
        talker(thread)()
    await asyncio.sleep(0.5)
    before, spent, began = sum(reader.bytes for reader in everybody), cpu(process), time.perf_counter()
    await asyncio.sleep(SECONDS)
    frames = (sum(reader.bytes for reader in everybody) - before) / size
    rate, cost = frames / (time.perf_counter() - began), 1e6 * (cpu(process) - spent) / frames
    for reader in everybody:
        reader.heard = lambda: None
        reader.transport.abort()
    await asyncio.sleep(0.5)
    return rate, cost


def start(command: list[str], port: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


def main() -> None:
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    dsn, users = prepare(folder)
    ports = {"ours": free_port(), "bare": free_port()}
    env = {**ENV, "BARE_DSN": dsn}
    servers = {
        "ours": start(
            ["-m", "uvicorn", "config.asgi:application", "--port", str(ports["ours"]), "--log-level", "warning",
             "--ws", "chat.protocol:Protocol", "--ws-max-size", "65536", "--ws-per-message-deflate", "false", "--no-access-log"],
            ports["ours"], env,
        ),
        "bare": start(
            ["-m", "bench.peers.bare_sockets", str(ports["bare"]), str(folder / "users.json")], ports["bare"], env
        ),
    }  # fmt: skip
    try:
        for kind in os.environ.get("BENCH_KINDS", "TYPING SEND").split():
            rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
            for _ in range(ROUNDS):
                for name, port in ports.items():
                    rounds[name].append(asyncio.run(load(port, users, kind, servers[name].pid)))
            print(kind)
            for name, given in rounds.items():
                print(f"  {name}: " + ", ".join(f"{rate:.0f}/s at {cost:.1f} us" for rate, cost in given))
            pairs = list(zip(rounds["ours"], rounds["bare"], strict=True))
            for what, ratios in (
                ("delivered/s", [a[0] / b[0] for a, b in pairs]),
                ("per CPU second", [b[1] / a[1] for a, b in pairs]),
            ):
                print(
                    f"  ours / bare, {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
                )
    finally:
        for server in servers.values():
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
