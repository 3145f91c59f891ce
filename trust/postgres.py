"""A PostgreSQL cluster that a trial can kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from testing.servers import free_port

_DEBIAN = Path("/usr/lib/postgresql")


class Cluster:
    """A cluster in `folder` on a loopback port. It keeps its port and data between starts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root, so root runs it as the user of its package.
        self._user = "postgres" if os.geteuid() == 0 else None
        folder.mkdir()
        if self._user:
            folder.parent.chmod(0o711)
            shutil.chown(folder, self._user, self._user)
        words = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        self._run("initdb", f"--pgdata={folder / 'data'}", *words).wait(timeout=60)

    @property
    def env(self) -> dict[str, str]:
        """Return the variables that connect a server to the cluster."""
        return {
            "USE_POSTGRES": "true", "DB_HOST": "127.0.0.1", "DB_PORT": str(self.port), "DB_USER": "postgres",
            "DB_NAME": "postgres",
        }  # fmt: skip

    def start(self) -> None:
        """Start the cluster without waiting for its recovery."""
        given = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        self.process = self._run("postgres", "-D", str(self.folder / "data"), *options)

    def wait(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres").close()
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """Kill all its processes at once, as a power failure does."""
        if self.process is None:
            return
        pid = self.process.pid
        with suppress(OSError):
            os.kill(pid, signal.SIGSTOP)  # it must not fork between the list and the kill
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self.process.kill()
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        self.process.wait(timeout=15)
        self.process = None

    def _run(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [_binary(name), *words], cwd=self.folder, stdout=log, stderr=log,
                user=self._user, group=self._user, extra_groups=[] if self._user else None,
            )  # fmt: skip


def _binary(name: str) -> str:
    """Return the path of a PostgreSQL program. Debian keeps them in a folder per version, outside PATH."""
    versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parent.parent.name))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} of PostgreSQL is not installed")
    return found
