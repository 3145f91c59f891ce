"""What a promise is here: a function that tries cases against real servers and tells which of them broke it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from chat.tests.live import redis_on
from config.tests.servers import Server, database, free_port, serving

ENGINES = ("SQLite", "PostgreSQL")


@dataclass
class Tally:
    """How many cases were tried, and what each failure was."""

    cases: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tried(self, holds: bool, failure: object = "", *, cases: int = 1) -> bool:
        """Count a case (or as many as one look settles); `failure` says what went wrong where it does not hold."""
        self.cases += cases
        if not holds:
            self.failures.append(str(failure))
        return holds

    def note(self, text: str) -> None:
        """A figure worth reading beside the table."""
        self.notes.append(text)


@dataclass(frozen=True)
class Trial:
    """One run of one promise: how large, and in which folder."""

    short: bool
    folder: Path

    def size(self, full: int, short: int) -> int:
        """How many of something: all of it, or the shortened run's."""
        return short if self.short else full

    @contextmanager
    def server(self, engine: str, *, demo: bool = True, **env: str) -> Iterator[Server]:
        """`manage.py serve` in a process of its own, as `make run` starts it, on an empty database of that engine."""
        port = free_port()
        folder = self.folder / f"server-{port}"
        folder.mkdir()
        command = ["manage.py", "serve", *(["--demo"] if demo else []), "--port", str(port)]
        with (
            database(folder, postgres=engine == "PostgreSQL") as given,
            serving(command, folder=folder, port=port, env={"DEBUG": "true", **given, **env}) as server,
        ):
            yield server

    @contextmanager
    def production(self, *, workers: int = 2, **env: str) -> Iterator[Server]:
        """Granian as the image starts it, with the settings of a public host, PostgreSQL and a Redis of its own."""
        port, redis_port = free_port(), free_port()
        folder = self.folder / f"production-{port}"
        folder.mkdir()
        command = shlex.split(image_command().removeprefix("exec ").replace("$WEB_WORKERS", str(workers)))
        for option, value in (("--host", "127.0.0.1"), ("--port", str(port))):
            command[command.index(option) + 1] = value
        with database(folder, postgres=True) as given, redis_on(redis_port):
            given |= public_host() | {"DB_POOL_SIZE": "0", "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", **env}
            manage(given, "migrate", "--verbosity", "0")
            manage(given, "demo")
            with serving(command, folder=folder, port=port, env=given) as server:
                yield server


def image_command() -> str:
    """What the Dockerfile's container runs, in the shell's words."""
    text = (settings.BASE_DIR / "Dockerfile").read_text()
    line = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1]
    return str(json.loads(line)[-1])


def public_host() -> dict[str, str]:
    """The settings of a public host, but for TLS, which a loopback has not, and for the rate of one user's requests."""
    return {
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "false",
        "RATE_USER": "1000000000",
    }


def manage(env: dict[str, str], *words: str) -> None:
    """One command of manage.py."""
    subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR, check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **env},
    )  # fmt: skip


Try = Callable[[Trial, Tally], None]


@dataclass(frozen=True)
class Promise:
    """A line of the table."""

    name: str
    attempt: Try

    def keep(self, trial: Trial) -> tuple[Tally, float]:
        """Try it: what came out, and the seconds it took. A trial that broke off is a failure, too."""
        tally, began = Tally(), time.monotonic()
        try:
            self.attempt(trial, tally)
        except Exception as error:  # noqa: BLE001  # the other promises are tried all the same
            tally.failures.append(f"the trial broke off: {type(error).__name__}: {error}")
        if not tally.cases:
            tally.failures.append("nothing was tried")
        return tally, time.monotonic() - began
