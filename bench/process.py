"""The embedded server on SQLite, as `make run` starts it: the time to its first response, and its memory.

`python -m bench.process` prints the section alone. The packages are installed and the database is filled before
anything is timed.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import yaml

from bench.report import Goal, Section, spread
from bench.servers import ROOT, ROUNDS, SECONDS, cpu_of_tree, free_port, memory_of_tree, running
from testing.live import ADMIN, ALICE, CARE, FLEET, TECHNICIAN, Person, hear, say

LISTS_SECONDS = 3 * SECONDS
MEMORY_ROUNDS = 3
SOCKETS = 1000
TALKING = 20
_JOHN = {"email": "john@example.com", "password": "securepassword123"}
_BUSINESS = {"email": "business@example.com", "password": "business12345"}
_PEOPLE = (ALICE, FLEET, _BUSINESS, CARE, _JOHN, TECHNICIAN, ADMIN)
_LIST = "/api/shop/repair-orders/customers/me/repair-orders/"


def measure() -> Section:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        env = _embedded(Path(folder))
        seconds, cpu = _starts(env)
        rounds = [_memory(env) for _ in range(MEMORY_ROUNDS)]
    after, more = [used for _, used, _, _ in rounds], [added for _, _, added, _ in rounds]
    paths = rounds[0][3]
    return Section(
        "The embedded process",
        [
            Goal(
                "start to first answer, `make run`, second time",
                "",
                3,
                seconds,
                at_most=True,
                unit="s",
            ),
            Goal("memory of the embedded process after the bench", "", 200, after, at_most=True, unit="MB"),
            Goal(f"{SOCKETS:,} idle sockets more", "", 60, more, at_most=True, unit="MB"),
        ],
        [
            (
                f"`make run` with packages installed and a filled SQLite database, from `exec` until `/healthz` and a "
                f"customer's repair orders were answered. It took {spread(cpu)} s of CPU. Rounds: "
                f"{', '.join(f'{value:.2f}' for value in seconds)} s."
            ),
            "",
            (
                f"Memory (PSS) of a new process in each round: {LISTS_SECONDS:g} s of load on the {len(paths)} URLs without "
                f"parameters that answer one of the demo accounts (all contracts and the staff's lists), then {TALKING} sockets "
                f"that send messages and receive all of them for {SECONDS:g} s, then {SOCKETS:,} more that are signed in and idle."
            ),
            "",
            "| MB at the first response | after the load | 1,000 more sockets | KB per socket |",
            "|---|---|---|---|",
            *(
                f"| {first:.0f} | {used:.0f} | +{added:.0f} | {1024 * added / SOCKETS:.0f} |"
                for first, used, added, _ in rounds
            ),
        ],
    )


def _embedded(folder: Path) -> dict[str, str]:
    """Return the environment of `make run` with an empty database, and a key that stays the same across starts."""
    return {
        **os.environ,
        "DEBUG": "true",
        "USE_POSTGRES": "false",
        "REDIS_URL": "",
        "SQLITE_PATH": str(folder / "db.sqlite3"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "SECRET_KEY": secrets.token_urlsafe(60),
    }


# --- The start ----------------------------------------------------------------------------------------------------


def _starts(env: dict[str, str]) -> tuple[list[float], list[float]]:
    """Return the seconds until both responses, and the CPU seconds spent, round by round."""
    token = ""
    seconds, cpu = [], []
    for number in range(ROUNDS + 1):
        began = time.perf_counter()
        with _make_run(env) as (process, port):
            if not number:  # installs, migrates, loads the demo
                _until(port, "/healthz", process)
                token = Person(f"http://127.0.0.1:{port}", ALICE).token
                continue
            _until(port, "/healthz", process)
            _until(port, _LIST, process, token)
            seconds.append(time.perf_counter() - began)
            cpu.append(cpu_of_tree(process.pid))
    return seconds, cpu


@contextmanager
def _make_run(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    process = subprocess.Popen(
        ["make", "run", f"PORT={port}"], cwd=ROOT, env=env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process, port
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)
        while _listens(port):  # make does not wait for its child process
            time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        HTTPConnection("127.0.0.1", port, timeout=1).connect()
    except OSError:
        return False
    return True


def _until(port: int, path: str, process: subprocess.Popen[bytes], token: str = "") -> None:
    """Send the request until it is answered."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("`make run` ended before it answered") from None
            time.sleep(0.005)
        else:
            assert answer.status == 200, (path, answer.status, answer.read())
            return
        finally:
            connection.close()


# --- The memory ---------------------------------------------------------------------------------------------------


def _memory(env: dict[str, str]) -> tuple[float, float, float, list[str]]:
    """Return the megabytes at the first response, after the load, and added by the idle sockets, and the paths requested."""
    _allow_files(2 * SOCKETS)
    port = free_port()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with running(command, port=port, env=env, name="embedded") as process:
        url = f"http://127.0.0.1:{port}"
        _until(port, "/healthz", process)
        first = memory_of_tree(process.pid)
        tokens = [Person(url, login).token for login in _PEOPLE]
        asked = _answering(port, tokens)
        _load(url, asked)
        alice = Person(url, ALICE)
        asyncio.run(_talk(alice, alice.start_thread(), SECONDS))
        time.sleep(2)
        used = memory_of_tree(process.pid)
        more = asyncio.run(_idle(alice, port, process.pid)) - used
    return first, used, more, [path for path, _ in asked]


def _allow_files(count: int) -> None:
    """Raise the limit of open files, which the server inherits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def _answering(port: int, tokens: list[str]) -> list[tuple[str, str]]:
    """Return every path of the schema without parameters, with the first token that gets a 200 there."""
    paths = yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader)["paths"]
    found = []
    for path in (path for path, methods in paths.items() if "get" in methods and "{" not in path):
        for token in tokens:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                found.append((path, token))
                break
    assert len(found) >= 20, found
    return found


_CYCLE = """
local asked, n = {{}}, 0
function init()  -- wrk knows its host from here on
  for line in io.lines("{asked}") do
    local path, token = line:match("(%S+) (%S+)")
    asked[#asked + 1] = wrk.format("GET", path, {{["Authorization"] = "Bearer " .. token, ["Host"] = wrk.headers["Host"]}})
  end
end
function request() n = n + 1; return asked[1 + n % #asked] end
"""


def _load(url: str, asked: list[tuple[str, str]]) -> None:
    script, lines = ROOT / "var" / "bench-cycle.lua", ROOT / "var" / "bench-asked"
    lines.write_text("\n".join(" ".join(pair) for pair in asked))
    script.write_text(_CYCLE.format(asked=lines))
    output = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{LISTS_SECONDS:g}s", "--timeout", "60s", "-s", script, url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Non-2xx" not in output, output


async def _talk(person: Person, thread: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds

    async def one(number: int) -> None:
        async with person.socket() as client:
            while time.monotonic() < deadline:
                await say(
                    client,
                    type="SEND",
                    threadId=thread,
                    body="The brakes squeal.",
                    clientId=secrets.token_hex(8),
                )
                while "clientId" not in (frame := await hear(client, 30)):
                    pass  # messages of the other sockets
                assert frame["type"] == "MESSAGE", frame

    await asyncio.gather(*map(one, range(TALKING)))


async def _idle(person: Person, port: int, server: int) -> float:
    """Return the megabytes of the server while all idle sockets are open."""
    handshake = (
        f"GET /chat/ws?token={person.token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    writers = []
    for _ in range(SOCKETS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(handshake)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    await asyncio.sleep(3)
    used = memory_of_tree(server)
    for writer in writers:
        writer.close()
    return used


if __name__ == "__main__":
    section = measure()
    print("\n".join(goal.row() for goal in section.goals))
    print(section.markdown())
