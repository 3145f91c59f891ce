"""Real servers for tests. Each is a process with a free loopback port and a database of its own."""

from __future__ import annotations

import atexit
import fcntl
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import psycopg
from django.conf import settings

SHARED = "SUITE_FOLDER"  # the variable that names a folder for all processes of the suite
NGINX = shutil.which("nginx")
_UNUSED = ("fastcgi", "uwsgi", "scgi")


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    env: dict[str, str] = field(default_factory=dict)  # variables beside those of this process

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def wait(self, path: str = "/readyz", seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                urlopen(self.url + path, timeout=2).close()
                return
            except (URLError, ConnectionError):
                time.sleep(0.05)
        raise AssertionError(f"{path} did not answer within {seconds} s:\n{self.log.read_text()}")

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def maintenance() -> psycopg.Connection[Any]:
    """Return a connection to the `postgres` database, outside the databases of the suite."""
    given = settings.POSTGRES
    login = f"host={given['HOST']} port={given['PORT']} user={given['USER']} password={given['PASSWORD']}"
    return psycopg.connect(f"{login} dbname=postgres", autocommit=True)


@contextmanager
def database(
    folder: Path, *, postgres: bool | None = None, is_migrated: bool = True, has_demo: bool = False
) -> Iterator[dict[str, str]]:
    """Create a database and yield the environment variables of it and of its uploads, which are in the folder.

    It has the rows of the demo or none. `postgres` chooses the engine. The default is that of the suite.
    """
    if postgres is None:
        postgres = settings.USE_POSTGRES
    commands = ("migrate", "demo") if has_demo else ("migrate",) if is_migrated else ()
    if not postgres:
        if commands:
            shutil.copytree(_sqlite_after(*commands), folder, dirs_exist_ok=True)
        yield _sqlite(folder)
        return
    template, uploads = _postgres_after(*commands) if commands else ("template1", None)
    if uploads:
        shutil.copytree(uploads, folder / "uploads")
    with _postgres(template) as env:
        yield {**env, **_uploads(folder)}


def _uploads(folder: Path) -> dict[str, str]:
    return {"UPLOADS_DIR": str(folder / "uploads")}


def _sqlite(folder: Path) -> dict[str, str]:
    return {"USE_POSTGRES": "false", "SQLITE_PATH": str(folder / "server.sqlite3"), **_uploads(folder)}


@contextmanager
def _postgres(template: str = "template1") -> Iterator[dict[str, str]]:
    name = f"{settings.POSTGRES['NAME'].removeprefix('test_')}_server_{uuid4().hex[:12]}"
    with maintenance() as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield {"USE_POSTGRES": "true", "DB_NAME": name}
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


# Migrating and loading the demo take seconds, copying neither. So both are done once, and removed at the end.
_made = ExitStack()
atexit.register(_made.close)


def _sqlite_after(*commands: str) -> Path:
    """Return the folder of a database on which the commands ran. The processes of the suite share it."""
    shared = _shared()
    folder = shared / "-".join(commands)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            *before, last = commands
            new = folder.with_suffix(".new")
            if before:
                shutil.copytree(_sqlite_after(*before), new)
            else:
                new.mkdir()
            manage({"DEBUG": "true", **_sqlite(new)}, last, "--verbosity", "0")
            new.rename(folder)
    return folder


@cache
def _shared() -> Path:
    """Return the folder of the suite (conftest.py), or one of this process outside of the suite."""
    if given := os.environ.get(SHARED):
        return Path(given)
    return Path(_made.enter_context(tempfile.TemporaryDirectory(prefix="databases-")))


@cache
def _postgres_after(*commands: str) -> tuple[str, Path | None]:
    """Return the name of a database on which the commands ran, and the folder of its uploads, if it has some."""
    *before, last = commands
    template, _ = _postgres_after(*before) if before else ("template1", None)
    env = _made.enter_context(_postgres(template))
    folder = Path(_made.enter_context(tempfile.TemporaryDirectory(prefix="uploads-")))
    manage({"DEBUG": "true", **env, **_uploads(folder)}, last, "--verbosity", "0")
    uploads = folder / "uploads"
    return env["DB_NAME"], uploads if uploads.is_dir() else None


def manage(env: dict[str, str], *words: str) -> None:
    """Run one command of manage.py with the product's settings."""
    subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR, check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
    )  # fmt: skip


@contextmanager
def serving(command: list[str], *, folder: Path, port: int, env: dict[str, str]) -> Iterator[Server]:
    """Start the command, wait until it answers, and stop it at the end."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command] if command[0] != "manage.py" else [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(port, process, log, env)
    try:
        server.wait("/healthz")
        yield server
    finally:
        server.stop()


@contextmanager
def proxy(web: int, sockets: int, *, folder: Path) -> Iterator[int]:
    """Run nginx with deploy/nginx.conf in front of the two ports and yield its own port."""
    assert NGINX
    port = free_port()
    text = (settings.BASE_DIR / "deploy/nginx.conf").read_text()
    # The packaged nginx creates folders for the protocols that are not used here, at paths that it may not write to.
    text = text.replace(
        "http {", "http {\n" + "".join(f"    {name}_temp_path /tmp/{name};\n" for name in _UNUSED), 1
    )
    for place, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("web:8000", f"127.0.0.1:{web}"),
        ("sockets:8001", f"127.0.0.1:{sockets}"),
        ("/etc/nginx", str(folder)),
        ("/tmp/", f"{folder}/"),
        ("/dev/stdout", f"{folder}/access.log"),
        ("/dev/stderr", f"{folder}/error.log"),
    ):
        assert place in text, place
        text = text.replace(place, here)
    (folder / "nginx.conf").write_text(text)
    # nginx runs as the user of this process, which owns the folder. `-e` is the log that it opens before it reads the
    # configuration.
    rules = f"daemon off; user {getpass.getuser()};"
    command = [
        NGINX,
        "-p",
        str(folder),
        "-e",
        f"{folder}/error.log",
        "-c",
        f"{folder}/nginx.conf",
        "-g",
        rules,
    ]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
