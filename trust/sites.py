"""A whole installation on the loopback: a database, a Redis, and the processes of a production host."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from testing.live import redis_on
from testing.servers import Server, database, free_port, manage, proxy, serving
from trust.promises import Trial

_IMAGE = {"WEB_WORKERS": "2", "WEB_THREADS": "4"}  # the defaults of the image


@dataclass(frozen=True)
class Site:
    """An installation on which processes can be started. Each has a folder with its log."""

    folder: Path
    env: dict[str, str]

    def embedded(self) -> AbstractContextManager[Server]:
        """Start the embedded server, `manage.py serve`."""
        return self._serving("manage.py serve --host 0.0.0.0 --port 8000")

    def web(self) -> AbstractContextManager[Server]:
        """Start granian with the command of the image."""
        text = (settings.BASE_DIR / "Dockerfile").read_text()
        line = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1])[-1]
        return replace(self, env={**self.env, **_IMAGE})._serving(line)

    def sockets(self) -> AbstractContextManager[Server]:
        """Start the process of the sockets with the command of compose.yaml."""
        text = (settings.BASE_DIR / "compose.yaml").read_text()
        return self._serving(re.findall(r'"(exec [^"]*uvicorn [^"]*)"', text)[0])

    @contextmanager
    def proxied(self, web: Server) -> Iterator[int]:
        """Start the proxy in front of a server and yield its port."""
        folder = self.folder / f"proxy-{web.port}"
        folder.mkdir()
        with proxy(web.port, web.port, folder=folder) as port:
            yield port

    def _serving(self, line: str) -> AbstractContextManager[Server]:
        port = free_port()
        folder = self.folder / f"process-{port}"
        folder.mkdir()
        for name, value in _IMAGE.items():
            line = line.replace(f"${name}", value)
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in words if re.fullmatch(r"[A-Z_]+=\w+", word))
        command = [word for word in words if word not in ("exec", "env") and "=" not in word]
        for option, value in (("--host", "127.0.0.1"), ("--port", str(port))):
            command[command.index(option) + 1] = value
        return serving(command, folder=folder, port=port, env={**self.env, **given})


@contextmanager
def site(trial: Trial, engine: str, *, redis: bool = False, **env: str) -> Iterator[Site]:
    """Create an installation with the demo data and the settings of a public host.

    It has no TLS, which the loopback does not have, and no rate limit of a user.
    """
    folder = trial.folder / f"site-{free_port()}"
    folder.mkdir()
    public = {
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "false",
        "RATE_USER": "1000000000",
        "RATE_EMAIL_CHANGES": "1000000000",
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
