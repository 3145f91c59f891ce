"""`make bench`: ours as production runs it, against its peers, on one PostgreSQL, in alternating rounds.

Every server is granian over WSGI with the same number of workers; the load is wrk on the same machine. Ratios are
taken round by round, so that a machine whose speed drifts still compares fairly. Nothing is timed before all bodies
are equal.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
PATH = "/api/shop/repair-orders/customers/me/repair-orders/"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "2"))
# Enough that the kernel spreads them over the workers evenly: with four, one worker often got all or none.
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")

ENV = {
    **os.environ,
    "DEBUG": "false",
    "SECRET_KEY": os.environ.get("SECRET_KEY", secrets.token_urlsafe(60)),
    "ALLOWED_HOSTS": "127.0.0.1",
    "USE_POSTGRES": "true",
    "DB_HOST": os.environ.get("DB_HOST", "127.0.0.1"),
    "DB_NAME": os.environ.get("BENCH_DB", "garage_bench"),
    "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/14"),
    "SECURE_SSL_REDIRECT": "false",
    "RATE_USER": "1000000000",
    "DB_POOL_SIZE": "0",
    "LOG_LEVEL": "INFO",
}


@dataclass
class Peer:
    """One server, and what its rounds gave."""

    name: str
    target: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    rates: list[float] = field(default_factory=list)
    app_ms: list[float] = field(default_factory=list)
    db_ms: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--workers", str(WORKERS),
             "--blocking-threads", "1", "--no-ws", self.target],
            cwd=ROOT, env=ENV, stdout=subprocess.DEVNULL, stderr=(ROOT / "var" / f"bench-{self.name}.log").open("wb"),
        )  # fmt: skip

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=20)

    def body(self, token: str, seconds: float = 20) -> object:
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urlopen(
                    Request(self.url, headers={"Authorization": f"Bearer {token}"}), timeout=5
                ) as answer:
                    return json.load(answer)
            except (URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def round(self, token: str) -> None:
        assert self.process
        before = cpu_of_tree(self.process.pid), cpu_of_postgres()
        output = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {token}", self.url],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "Non-2xx" not in output, output
        requests = int(re.search(r"(\d+) requests in", output)[1])
        after = cpu_of_tree(self.process.pid), cpu_of_postgres()
        self.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]))
        self.app_ms.append(1000 * (after[0] - before[0]) / requests)
        self.db_ms.append(1000 * (after[1] - before[1]) / requests)


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process and its children so far."""
    return sum(_cpu(pid) for pid in [root, *_children(root)])


def _children(pid: int) -> list[int]:
    try:
        direct = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return direct + [grandchild for child in direct for grandchild in _children(child)]


def cpu_of_postgres() -> float:
    """CPU seconds of every process called postgres."""
    return sum(
        _cpu(int(folder.name))
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _name(folder) == "postgres"
    )


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return ""


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def prepare() -> str:
    """The database, built if it is not there; the token of the one customer whose list is read."""
    os.environ.update(ENV, DJANGO_SETTINGS_MODULE="config.settings")
    sys.path.insert(0, str(ROOT))
    import psycopg

    login = f"host={ENV['DB_HOST']} user={ENV.get('DB_USER', 'postgres')} password={ENV.get('DB_PASSWORD', 'postgres')}"
    with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as connection:
        if not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [ENV["DB_NAME"]]
        ).fetchone():
            connection.execute(f'CREATE DATABASE "{ENV["DB_NAME"]}"')
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection as database
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User
    from bench import data

    call_command("migrate", verbosity=0)
    if not data.is_built():
        print("building 2,000 customers and 32,000 orders …", flush=True)
        data.build()
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    token = open_session(user=User.objects.get(email=data.SUBJECT), now=timezone.now()).access
    database.close()
    return token


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def profile() -> str:
    """The parts of a request of ours, measured in a process of their own."""
    return subprocess.run(
        [sys.executable, "-m", "bench.profile"], cwd=ROOT, env=ENV, capture_output=True, text=True, check=True
    ).stdout.strip()


def report(peers: list[Peer]) -> str:
    ours, limit, stock = peers
    versions = {
        name: __import__("importlib.metadata").metadata.version(name)
        for name in ("django", "djangorestframework", "granian", "psycopg", "orjson")
    }
    against_limit = [a / b for a, b in zip(ours.rates, limit.rates, strict=True)]
    against_stock = [a / b for a, b in zip(ours.rates, stock.rates, strict=True)]
    lines = [
        "# Results",
        "",
        ("Written by `make bench`. Repair orders of one customer: 16 rows with two part lines and two service lines each, "
        "out of 32,000 orders of 2,000 customers, PostgreSQL; production settings and middleware on, session and user "
        "looked up, Redis for the counters."),
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores shared by the server, PostgreSQL and the load; "
        f"Python {platform.python_version()}, " + ", ".join(f"{k} {v}" for k, v in versions.items()) + f"; {WORKERS} workers, "
        f"{CONNECTIONS} connections, {ROUNDS} alternating rounds of {SECONDS} s.",
        "",
        "| ratio of throughput | median (min–max) |",
        "|---|---|",
        f"| ours / LIMIT | {spread(against_limit)} |",
        f"| ours / stock DRF | {spread(against_stock)} |",
        "",
        "| server | requests/s, median (min–max) | app CPU ms a request | database CPU ms a request |",
        "|---|---|---|---|",
        *(f"| {p.name} | {spread(p.rates)} | {spread(p.app_ms)} | {spread(p.db_ms)} |" for p in peers),
        "",
        "Raw rounds, requests/s:",
        "",
        *(f"- {p.name}: {', '.join(f'{rate:.0f}' for rate in p.rates)}" for p in peers),
        "",
        "Where ours goes: the parts by themselves, in one process that has a core to itself.",
        "",
        profile(),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("make bench needs wrk: apt-get install wrk")
    (ROOT / "var").mkdir(exist_ok=True)
    token = prepare()
    peers = [
        Peer("ours", "config.wsgi:application"),
        Peer("LIMIT", "bench.peers.limit:application"),
        Peer("stock DRF", "bench.peers.stock_drf:application"),
    ]
    try:
        for peer in peers:
            peer.start()
        bodies = [peer.body(token) for peer in peers]
        assert bodies[0] == bodies[1] == bodies[2], "the bodies differ; nothing was timed"
        for peer in peers:
            peer.round(token)  # warms up, not counted
            peer.rates.clear(), peer.app_ms.clear(), peer.db_ms.clear()
        for _ in range(ROUNDS):
            for peer in peers:
                peer.round(token)
    finally:
        for peer in peers:
            peer.stop()
    text = report(peers)
    (ROOT / "bench" / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
