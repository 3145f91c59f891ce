"""Promise: a full disk loses nothing.

Uploads, and the SQLite file, lie on a small file system that is filled up to its last page. A case is a response or a
comparison of the tables. Writes are 507 in the contract's shape and store nothing, reads go on, and the same request
succeeds when there is space again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from testing.live import ALICE, CARE
from testing.servers import Server, database
from trust.calls import Answer, Client
from trust.databases import faults
from trust.held_locks import JOHN
from trust.promises import Tally, Trial
from trust.sites import site
from trust.tables import Tables, seen_from_here

FULL = "The server has no space left to store this. Nothing was saved. Try again later."
SHORT, TITLED = {"error": FULL}, {"error": "Storage full", "detail": FULL}
JPEG = b"\xff\xd8\xff\xe0" + bytes(200_000)
_fresh = count(1)
LONG = "It squeaks. " * 150
# By contract: user, method, path, body and the shape of the refusal. A body is longer than a page of SQLite has room.
WRITES = {
    "contract 004": (ALICE, "PATCH", "/api/v1/customers/profile/update/", {"city": "Bend {}"}, TITLED),
    "contract 002": (
        CARE, "POST", "/api/v1/customer/tickets", {"subject": "Brakes", "description": LONG}, TITLED,
    ),
    "contract 003": (JOHN, "POST", "/api/chat/threads/", {"subject": "Brakes"}, SHORT),
    "contract 000": (None, "POST", "/api/token/", ALICE, TITLED),
}  # fmt: skip


def a_full_disk_loses_nothing(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        with ExitStack() as stack:
            disk = stack.enter_context(_small_disk(trial.folder / f"disk-{engine}"))
            if disk is None:
                tally.tried(True)
                tally.note(f"{engine}: this user cannot mount a file system: full disks were not tried")
                continue
            env = {"UPLOADS_DIR": str(disk / "uploads"), "TASK_QUEUE": "database"}
            if engine == "SQLite":
                env |= stack.enter_context(database(disk, postgres=False))
            place = stack.enter_context(site(trial, engine, **env))
            starts = {"embedded": place.embedded, "production": place.web}
            for name, start in list(starts.items())[: trial.size(2, 2, 1)]:
                with start() as server, seen_from_here(server):
                    for _ in range(trial.size(5, 1)):
                        _upload(server, tally, f"{engine}, {name}", disk)
                        if engine == "SQLite":
                            _write(server, tally, f"{engine}, {name}", disk)
                    tally.tried(not (broken := faults()), f"{engine}, {name}: {broken}")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount an empty file system of 24 MB. Yield None if this user cannot."""
    folder.mkdir()
    can = os.geteuid() == 0 and shutil.which("mount")
    words = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if not can or subprocess.run(words, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    try:
        _fill(filler)
        yield
    finally:
        filler.unlink()


def _fill(filler: Path) -> None:
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def _client(server: Server, login: dict[str, str] | None) -> Client:
    client = Client(server.port, headers={"Host": "localhost"})
    return client.sign_in(login["email"], login["password"]) if login else client


def _upload(server: Server, tally: Tally, name: str, disk: Path) -> None:
    client = _client(server, JOHN)
    body = {"filename": "a.jpg", "contentType": "image/jpeg", "size": len(JPEG)}
    given = urlsplit(client.send("POST", "/api/files/presign/", body).json()["url"])

    def put() -> Answer:
        return client.send("PUT", f"{given.path}?{given.query}", JPEG, Content_Type="image/jpeg")

    def files() -> set[Path]:
        return {path for path in (disk / "uploads").rglob("*") if path.is_file()}

    before, tables = files(), Tables()
    with _filled(disk):
        for _ in range(3):
            answer = put()
            tally.tried((answer.status, answer.json()) == (507, SHORT), f"{name}, an upload: {answer}")
        tally.tried(files() == before, f"{name}: half an upload is left: {files() - before}")
        tally.tried(not (change := tables.change()), f"{name}: a refused upload changed {change}")
    answer = put()
    tally.tried(answer.status in (200, 201, 204), f"{name}, the same upload with space: {answer}")
    tally.tried(len(files()) == len(before) + 1, f"{name}: {len(files())} files after {len(before)}")
    shown = client.send("GET", f"{given.path}?{given.query}")
    tally.tried(
        shown.status == 200 and len(shown.text) > len(JPEG) / 2, f"{name}, the stored upload: {shown.status}"
    )
    client.close()


def _write(server: Server, tally: Tally, name: str, disk: Path) -> None:
    """Send writes of each contract until the log of SQLite has no room left, and then once more."""
    number = next(_fresh)  # an equal city would be no write
    bodies = {
        kind: {field: value.replace("{}", str(number)) for field, value in body.items()}
        for kind, (_, _, _, body, _) in WRITES.items()
    }
    clients = {kind: _client(server, login) for kind, (login, *_) in WRITES.items()}
    reader = _client(server, ALICE)
    with _filled(disk):
        _use_up(clients, tally, name, disk)
        tables = Tables()
        for kind, (_, method, path, _, refusal) in WRITES.items():
            for _ in range(3):
                answer = clients[kind].send(
                    method, path, bodies[kind], Idempotency_Key=f"{name} {kind} {number}".replace(" ", "-")
                )
                holds = (answer.status, answer.json()) == (507, refusal)
                tally.tried(holds, f"{name}, {kind}: {answer}")
            tally.tried(not (change := tables.change()), f"{name}, {kind}: a refused write changed {change}")
        for path in ("/api/v1/customers/profile/", "/api/vehicles/", "/healthz"):
            answer = reader.send("GET", path)
            tally.tried(answer.status == 200, f"{name}, {path} on a full disk: {answer}")
    for kind, (_, method, path, _, _) in WRITES.items():
        tables = Tables()
        answer = clients[kind].send(
            method, path, bodies[kind], Idempotency_Key=f"{name} {kind} {number}".replace(" ", "-")
        )
        tally.tried(answer.status in (200, 201), f"{name}, {kind}, with space: {answer}")
        tally.tried(bool(tables.change()), f"{name}, {kind}, with space: nothing is stored")
        clients[kind].close()
    reader.close()


def _use_up(clients: dict[str, Client], tally: Tally, name: str, disk: Path) -> None:
    """Write until no page is left, not even for the smallest write.

    The log of SQLite grows page by page, and is used again after a checkpoint.
    """
    refused = 0
    for turn in range(400):
        statuses = []
        for kind, (_, method, path, body, _) in WRITES.items():
            fields = {field: value.replace("{}", f"since {turn}") for field, value in body.items()}
            answer = clients[kind].send(method, path, fields)
            tally.tried(answer.status in (200, 201, 507), f"{name}, on the last pages: {answer}")
            statuses.append(answer.status)
        refused = refused + 1 if set(statuses) == {507} else 0
        if refused == 3:
            return
        _fill(disk / "filler")
    tally.tried(False, f"{name}: the disk did not become full")
