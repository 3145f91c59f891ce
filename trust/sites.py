"""A whole installation on the loopback: its database, its Redis, and the processes that a host would run."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from testing.live import redis_on
from testing.servers import Server, database, free_port, manage, proxy, serving
from trust.promises import Trial


@dataclass(frozen=True)
class Site:
    """Processes can be started on it as often as one likes; each keeps its log in a folder of its own."""

    folder: Path
    env: dict[str, str]

    def embedded(self) -> AbstractContextManager[Server]:
        """`manage.py serve`, whose threads keep a connection each."""
        return self._serving("manage.py serve --host 0.0.0.0 --port 8000")

    def web(self) -> AbstractContextManager[Server]:
        """Granian, as the image runs it."""
        text = (settings.BASE_DIR / "Dockerfile").read_text()
        return self._serving(json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1])[-1])

    def sockets(self) -> AbstractContextManager[Server]:
        """The process that has the sockets, as compose.yaml runs it."""
        text = (settings.BASE_DIR / "compose.yaml").read_text()
        return self._serving(re.findall(r'"(exec [^"]*uvicorn [^"]*)"', text)[0])

    @contextmanager
    def proxied(self, web: Server) -> Iterator[int]:
        """The port of the proxy in front of it."""
        folder = self.folder / f"proxy-{web.port}"
        folder.mkdir()
        with proxy(web.port, web.port, folder=folder) as port:
            yield port

    def _serving(self, line: str) -> AbstractContextManager[Server]:
        port = free_port()
        folder = self.folder / f"process-{port}"
        folder.mkdir()
        words = shlex.split(line.replace("$WEB_WORKERS", "2"))
        given = dict(word.split("=", 1) for word in words if re.fullmatch(r"[A-Z_]+=\w+", word))
        command = [word for word in words if word not in ("exec", "env") and "=" not in word]
        for option, value in (("--host", "127.0.0.1"), ("--port", str(port))):
            command[command.index(option) + 1] = value
        return serving(command, folder=folder, port=port, env={**self.env, **given})


@contextmanager
def site(trial: Trial, engine: str, *, redis: bool = False, **env: str) -> Iterator[Site]:
    """With the demo's data and the settings of a public host, but for TLS, which a loopback has not, and for the rate
    that one user may ask at."""
    folder = trial.folder / f"site-{free_port()}"
    folder.mkdir()
    public = {
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "false",
        "RATE_USER": "1000000000",
        "REDIS_URL": "",
        "UPLOADS_DIR": str(folder / "uploads"),
    }
    with ExitStack() as stack:
        given = stack.enter_context(database(folder, postgres=engine == "PostgreSQL"))
        if redis:
            port = free_port()
            stack.enter_context(redis_on(port))
            public |= {
                "REDIS_URL": f"redis://127.0.0.1:{port}/0",
                "TRUSTED_PROXIES": "1",
            }
        made = Site(folder, {**public, **given, **env})
        manage(made.env, "demo")
        yield made
