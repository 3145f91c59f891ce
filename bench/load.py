"""HTTP load: wrk against several servers of the same URL, in alternating rounds.

Ratios are taken round by round, so that they stay fair when the speed of the machine drifts. Nothing is timed unless
all bodies are equal.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from bench.report import spread
from bench.servers import ROUNDS, SECONDS, WORKERS, cpu_of_postgres, cpu_of_tree, free_port, running

# Enough for the kernel to spread them evenly over the workers. Of four, one worker often got all or none.
CONNECTIONS = 32
LEAST_ANSWERS = 16  # a round of a slow server lasts until it can answer this many


@dataclass(frozen=True)
class Round:
    """The result of one server: requests a second, and CPU milliseconds per request of the server and PostgreSQL."""

    rate: float
    app_ms: float
    db_ms: float


Rounds = dict[str, list[Round]]  # by the name of the server


@dataclass
class Peer:
    """A server: granian over WSGI or ASGI, as the Dockerfile starts it. All have the same number of workers."""

    name: str
    target: str
    env: dict[str, str]
    interface: str = "wsgi"
    script: Path | None = None  # a wrk script, to request more than one URL
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        threads = ["--blocking-threads", "1"] if self.interface == "wsgi" else []
        return [
            "granian", "--interface", self.interface, "--port", str(self.port), "--workers", str(WORKERS), *threads,
            "--no-ws", self.target,
        ]  # fmt: skip

    def ask(self, path: str, token: str, seconds: float = 60) -> object:
        """Return the body at that path. Wait for a server that is still starting."""
        request = Request(self._url(path), headers=headers_of(token))
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urlopen(request, timeout=seconds) as answer:
                    return json.load(answer)
            except (URLError, ConnectionError) as error:
                if getattr(error, "code", None) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def warm_up(self, path: str, token: str, *, connections: int) -> None:
        self._wrk(path, token, connections, seconds=1)
        self._rest()

    def load(self, path: str, token: str, *, connections: int, seconds: float) -> Round:
        """Run one round, then wait until the server is idle: it still works on requests that wrk abandoned."""
        before = self._cpu()
        output = self._wrk(path, token, connections, seconds)
        app, db = (now - then for now, then in zip(self._cpu(), before, strict=True))
        self._rest()
        assert "Non-2xx" not in output, output
        requests = int(re.search(r"(\d+) requests in", output)[1])
        assert requests, f"{self.name} answered nothing within {seconds:g} s"
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
        return Round(rate, 1000 * app / requests, 1000 * db / requests)

    def _wrk(self, path: str, token: str, connections: int, seconds: float) -> str:
        script = ["-s", str(self.script)] if self.script else []
        return subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{ceil(seconds)}s", "--timeout", "60s", *script,
             *(f"-H{name}: {value}" for name, value in headers_of(token).items()), self._url(path)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    def _cpu(self) -> tuple[float, float]:
        """Return the CPU seconds so far of the server, and of PostgreSQL for its database."""
        assert self.process
        is_postgres = self.env["USE_POSTGRES"] == "true"
        return cpu_of_tree(self.process.pid), cpu_of_postgres(self.env["DB_NAME"]) if is_postgres else 0.0

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _rest(self) -> None:
        for _ in range(800):
            before = self._cpu()[0]
            time.sleep(0.15)
            if self._cpu()[0] - before < 0.02:
                return
        raise RuntimeError(f"{self.name} is still busy 120 s after the round")


def headers_of(token: str) -> dict[str, str]:
    """Return the credentials (an access token or a session cookie) and one Host, so that links in bodies are equal."""
    credentials = {"Cookie": token} if "=" in token else {"Authorization": f"Bearer {token}"}
    return {"Host": "127.0.0.1", **credentials}


@contextmanager
def started(peers: list[Peer]) -> Iterator[None]:
    """Start all servers, and end them afterwards."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: apt-get install wrk")
    with ExitStack() as stack:
        for peer in peers:
            name = peer.name.replace(" ", "-")
            peer.process = stack.enter_context(running(peer.command, port=peer.port, env=peer.env, name=name))
        yield


def compare(
    peers: list[Peer], path: str, token: str, *, connections: int = CONNECTIONS, seconds: float = SECONDS
) -> Rounds:
    """Run alternating rounds of the same request, after one to warm up.

    Raise AssertionError if the bodies differ. Several are compared, so that every worker answers at least once.
    """
    for _ in range(2 * WORKERS):
        first, *others = (peer.ask(path, token) for peer in peers)
        for peer, body in zip(peers[1:], others, strict=True):
            assert body == first, (
                f"{path}: {peer.name}'s body differs from {peers[0].name}'s; nothing was timed"
            )
    lengths = {}
    for peer in peers:
        peer.warm_up(path, token, connections=connections)
        began = time.monotonic()
        peer.ask(path, token)
        lengths[peer.name] = max(seconds, LEAST_ANSWERS / WORKERS * (time.monotonic() - began))
    rounds: Rounds = {peer.name: [] for peer in peers}
    for number in range(1, ROUNDS + 1):
        print(f"  {path}: round {number} of {ROUNDS}", file=sys.stderr, flush=True)
        for peer in peers:
            length = lengths[peer.name]
            rounds[peer.name].append(peer.load(path, token, connections=connections, seconds=length))
    return rounds


def ratios(rounds: Rounds, name: str, against: str) -> list[float]:
    """Return the throughput of one server against another, round by round."""
    return [a.rate / b.rate for a, b in zip(rounds[name], rounds[against], strict=True)]


def table(rounds: Rounds, *, against: str) -> list[str]:
    """Return a table of the throughput and CPU of every server, and the raw rounds."""
    lines = [
        f"| server | requests/s, median (min–max) | against {against} | app CPU ms a request | database CPU ms |",
        "|---|---|---|---|---|",
    ]
    for name, own in rounds.items():
        rates, app, db = [r.rate for r in own], [r.app_ms for r in own], [r.db_ms for r in own]
        cells = spread(rates, 1), spread(ratios(rounds, name, against), 3), spread(app), spread(db)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    raw = "; ".join(f"{name} {', '.join(f'{r.rate:.1f}' for r in own)}" for name, own in rounds.items())
    return [*lines, "", f"Raw rounds, requests/s: {raw}."]
