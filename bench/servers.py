"""Helpers of every measurement: the environment, databases, processes, and their CPU and memory."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
WORKERS = int(os.environ.get("BENCH_WORKERS", "2"))

# Production's settings without TLS, which the loopback does not have, and without the rate limit of a user.
ENV = {
    **os.environ,
    "DEBUG": "false",
    "SECRET_KEY": os.environ.get("SECRET_KEY", secrets.token_urlsafe(60)),
    "ALLOWED_HOSTS": "127.0.0.1",
    "USE_POSTGRES": "true",
    "DB_HOST": os.environ.get("DB_HOST", "127.0.0.1"),
    "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/14"),
    "SECURE_SSL_REDIRECT": "false",
    "RATE_USER": "1000000000",
    "LOG_LEVEL": "INFO",
}
LOGIN = f"host={ENV['DB_HOST']} user={ENV.get('DB_USER', 'postgres')} password={ENV.get('DB_PASSWORD', 'postgres')}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ensure_database(name: str, *, anew: bool = False) -> str:
    """Create the database if it is missing, or anew, and return its DSN."""
    import psycopg

    with psycopg.connect(f"{LOGIN} dbname=postgres", autocommit=True) as connection:
        if anew:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f'CREATE DATABASE "{name}"')
    return f"{LOGIN} dbname={name}"


def use_django(env: dict[str, str]) -> None:
    """Set Django up in this process with that environment."""
    os.environ.update(env, DJANGO_SETTINGS_MODULE="config.settings")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    import django

    django.setup()


@contextmanager
def running(
    command: list[str], *, port: int, env: dict[str, str], name: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m command`, wait until it listens, and end it afterwards. Its errors go to var/."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / f"bench-{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *(command if command[0] == "manage.py" else ["-m", *command])],
            cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        try:
            _wait_for(port, process, name)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended: see var/bench-{name}.log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not listen on port {port} within 30 s: see var/bench-{name}.log")


def cpu_of_tree(root: int) -> float:
    """Return the CPU seconds of a process and its children so far."""
    return sum(_cpu(pid) for pid in [root, *_children(root)])


def memory_of_tree(root: int) -> float:
    """Return the megabytes of a process and its children (PSS, which counts shared pages once)."""
    return sum(_pss(pid) for pid in [root, *_children(root)]) / 1024


def cpu_of_postgres(database: str = "") -> float:
    """Return the CPU seconds of all PostgreSQL processes, or of those with connections to one database."""
    return sum(
        _cpu(int(folder.name))
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _read(folder / "comm") == "postgres" and _serves(folder, database)
    )


def _children(pid: int) -> list[int]:
    try:
        direct = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return direct + [grandchild for child in direct for grandchild in _children(child)]


def _serves(folder: Path, database: str) -> bool:
    return not database or database in _read(folder / "cmdline").split()


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
