"""HTTP load: wrk against several servers of one address, in alternating rounds.

Ratios are taken round by round, so that a machine whose speed drifts still compares fairly. Nothing is timed before all
bodies are equal.
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

# Enough that the kernel spreads them over the workers evenly: with four, one worker often got all or none.
CONNECTIONS = 32
LEAST_ANSWERS = 16  # a round of a slow server is as long as so many take


@dataclass(frozen=True)
class Round:
    """What one server gave under load: requests a second; CPU milliseconds of it and of PostgreSQL for each."""

    rate: float
    app_ms: float
    db_ms: float


Rounds = dict[str, list[Round]]  # of each server, by its name


@dataclass
class Peer:
    """One server: granian over WSGI or ASGI, as the Dockerfile starts it, with the same number of workers for all."""

    name: str
    target: str
    env: dict[str, str]
    interface: str = "wsgi"
    script: Path | None = None  # wrk's own, where more than one address is asked
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
        """The body at that path. A server that is still starting is waited for."""
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
        """One round. What wrk left unanswered is worked off before this returns, so that the next has the machine."""
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
        """CPU seconds so far: of the server, and of PostgreSQL for this database."""
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
        raise RuntimeError(f"{self.name} does not come to rest")


def headers_of(token: str) -> dict[str, str]:
    """Who asks, by an access token or a session's cookie; and one host, so that the links in all bodies are equal."""
    credentials = {"Cookie": token} if "=" in token else {"Authorization": f"Bearer {token}"}
    return {"Host": "127.0.0.1", **credentials}


@contextmanager
def started(peers: list[Peer]) -> Iterator[None]:
    """All of them up; ended afterwards."""
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
    """Alternating rounds of the same request, after one that warms up and does not count. AssertionError where the
    bodies differ; several are compared, so that every worker has been asked."""
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
    """Throughput of one against another, round by round."""
    return [a.rate / b.rate for a, b in zip(rounds[name], rounds[against], strict=True)]


def table(rounds: Rounds, *, against: str) -> list[str]:
    """Every server's throughput, against one of them, and its CPU; then the raw rounds."""
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
