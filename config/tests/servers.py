"""Real servers for tests: a process of its own, on a free port of the loopback, with a database of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import psycopg
from django.conf import settings


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def wait(self, path: str = "/readyz", seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                urlopen(self.url + path, timeout=2).close()
                return
            except (URLError, ConnectionError):
                time.sleep(0.05)
        raise AssertionError(f"no answer within {seconds} s:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def database(folder: Path, *, postgres: bool | None = None) -> Iterator[dict[str, str]]:
    """The environment of an empty database, on the engine the suite runs on or the one that is named."""
    if postgres is None:
        postgres = settings.USE_POSTGRES
    if not postgres:
        yield {"USE_POSTGRES": "false", "SQLITE_PATH": str(folder / "server.sqlite3")}
        return
    given = settings.POSTGRES
    name = f"{given['NAME'].removeprefix('test_')}_server_{uuid4().hex[:12]}"
    login = f"host={given['HOST']} port={given['PORT']} user={given['USER']} password={given['PASSWORD']}"
    with psycopg.connect(f"{login} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield {"USE_POSTGRES": "true", "DB_NAME": name}
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def serving(command: list[str], *, folder: Path, port: int, env: dict[str, str]) -> Iterator[Server]:
    """The command, answering; stopped at the end."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command] if command[0] != "manage.py" else [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(port, process, log)
    try:
        server.wait("/healthz")
        yield server
    finally:
        server.stop()
