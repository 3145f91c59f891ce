"""Promise: a backup restores, with the steps of docs/operations.md.

Database and uploads of a running installation are copied while a client writes, and restored into an empty place. The
place must hold every row that was stored when the backup began, and answer as the installation did. Tokens stay valid.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from testing.live import ADMIN, ALICE, CARE, FLEET
from testing.servers import database, manage
from trust.calls import Answer, Client
from trust.databases import faults, looking_into
from trust.promises import Tally, Trial
from trust.sites import Site, site
from trust.tables import Rows, Tables

PHOTO = b"\xff\xd8\xff\xe0" + bytes(4096)
JOHN = {"email": "john@example.com", "password": "securepassword123"}
TICKETS = "/api/v1/customer/tickets"
# Of each contract, and of callers whose rows the writing client does not change.
ANSWERS = [
    (ALICE, "/api/auth/customer-profile/"),
    (ALICE, "/api/shop/vehicles/customers/me/vehicles/"),
    (ALICE, "/api/shop/repair-orders/customers/me/repair-orders/"),
    (ALICE, "/api/v1/customers/profile/"),
    (CARE, "/api/v1/customer/orders"),
    (CARE, "/api/v1/customer/products"),
    (CARE, "/api/v1/customer/returns"),
    (JOHN, "/api/vehicles/"),
    (JOHN, "/api/offers/"),
    (JOHN, "/api/memberships/me/"),
    (JOHN, "/api/chat/threads/"),
    (ADMIN, "/api/shop/customers/"),
    (ADMIN, "/api/shop/repair-orders/"),
    (ADMIN, "/api/shop/appointments/"),
    (ADMIN, "/api/shop/parts/"),
    (FLEET, "/api/auth/customer-profile/"),
]


def a_backup_restores(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        _drill(trial, engine, tally)


def _drill(trial: Trial, engine: str, tally: Tally) -> None:
    backup, uploads = trial.folder / f"backup-{engine}", trial.folder / f"uploads-{engine}"
    with site(trial, engine) as shop:
        with shop.web() as web:
            tokens = _tokens(web.port)
            photo = _upload(_client(web.port, tokens[JOHN["email"]]))
            with looking_into(shop.env):
                before = Tables().known
            answers = _answers(web.port, tokens)
            with _Writer(_client(web.port, tokens[CARE["email"]])) as writer:
                writer.wait_for(5)
                stored = list(writer.stored)
                _back_up(shop.env, backup)
                # After the database, so that every file that a row names is there.
                shutil.copytree(shop.env["UPLOADS_DIR"], uploads)
                writer.wait_for(5)
            tally.note(
                f"{engine}: {len(writer.stored)} tickets were written around a backup of {_size(backup):,} bytes"
            )
        place = trial.folder / f"place-{engine}"
        place.mkdir()
        with database(place, postgres=engine == "PostgreSQL", is_migrated=False) as given:
            env = {**shop.env, **given, "UPLOADS_DIR": str(place / "uploads")}
            _restore(env, backup)
            shutil.copytree(uploads, env["UPLOADS_DIR"])
            with looking_into(env):
                restored = Tables().known
                tally.tried(not (broken := faults()), broken)
            _compare_rows(before, restored, tally)
            with Site(place, env).web() as web:
                _compare_answers(answers, _answers(web.port, tokens), tally)
                shown = _get(web.port, tokens[JOHN["email"]], photo)
                tally.tried(shown.status == 200, f"the photo: {shown.status}")
                for ticket in stored:
                    shown = _get(web.port, tokens[CARE["email"]], f"{TICKETS}/{ticket}")
                    tally.tried(shown.status == 200, f"{ticket}, stored before the backup: {shown}")
            # The restored database accepts the release's migrations, which are none.
            manage(env, "migrate", "--check")


def _back_up(env: dict[str, str], to: Path) -> None:
    if env["USE_POSTGRES"] == "true":
        _postgres("pg_dump", env, "--format=custom", f"--file={to}", env["DB_NAME"])
        return
    # What `sqlite3 db.sqlite3 ".backup 'to'"` does.
    with closing(sqlite3.connect(env["SQLITE_PATH"])) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _restore(env: dict[str, str], backup: Path) -> None:
    if env["USE_POSTGRES"] == "true":
        _postgres(
            "pg_restore", env, "--no-owner", "--exit-on-error", f"--dbname={env['DB_NAME']}", str(backup)
        )
    else:
        shutil.copyfile(backup, env["SQLITE_PATH"])


def _postgres(program: str, env: dict[str, str], *words: str) -> None:
    given = settings.POSTGRES
    login = [f"--host={given['HOST']}", f"--port={given['PORT']}", f"--username={given['USER']}"]
    secret = {**os.environ, "PGPASSWORD": str(given["PASSWORD"])}
    subprocess.run([program, *login, *words], check=True, env=secret)


def _tokens(port: int) -> dict[str, str]:
    tokens = {}
    for login, _ in ANSWERS:
        client = _client(port).sign_in(login["email"], login["password"])
        tokens[login["email"]] = client.token
        client.close()  # granian waits for open connections when it stops
    return tokens


def _upload(john: Client) -> str:
    """Upload a photo and return the path that shows it."""
    body = {"filename": "receipt.jpg", "contentType": "image/jpeg"}
    presigned = john.send("POST", "/api/files/presign/", body).json()
    put = john.send("PUT", _path(presigned["url"]), PHOTO, Content_Type="image/jpeg")
    assert put.status in (200, 201, 204), put
    john.close()
    return _path(presigned["publicUrl"])


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _client(port: int, token: str = "") -> Client:
    return Client(port, token, headers={"Host": "localhost"})


def _answers(port: int, tokens: dict[str, str]) -> list[Answer]:
    return [_get(port, tokens[login["email"]], path) for login, path in ANSWERS]


def _get(port: int, token: str, path: str) -> Answer:
    client = _client(port, token)
    try:
        return client.send("GET", path)
    finally:
        client.close()


def _compare_answers(before: list[Answer], after: list[Answer], tally: Tally) -> None:
    for (_, path), then, now in zip(ANSWERS, before, after, strict=True):
        tally.tried(then.status == 200 and then.text == now.text, f"{path}: {then} became {now}")


def _compare_rows(before: Rows, restored: Rows, tally: Tally) -> None:
    """Count a case for each table: every row that was stored before the backup must be there unchanged."""
    for table, rows in before.items():
        lost = rows - restored[table]
        tally.tried(not lost, f"{table}: {sum(lost.values())} of {rows.total()} rows are missing or differ")


def _size(backup: Path) -> int:
    return backup.stat().st_size


class _Writer:
    """A client that opens tickets on a thread of its own until it is stopped, and keeps their numbers."""

    def __init__(self, client: Client) -> None:
        self.client, self.stored = client, list[str]()
        self._more = threading.Condition()
        self._is_over = False
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> _Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join(timeout=60)
        self.client.close()

    def wait_for(self, more: int) -> None:
        """Wait until that many more tickets are stored."""
        with self._more:
            wanted = len(self.stored) + more
            assert self._more.wait_for(lambda: len(self.stored) >= wanted, timeout=60), "the client is stuck"

    def _write(self) -> None:
        while not self._is_over:
            answer = self.client.send("POST", TICKETS, {"subject": "Brakes", "description": "They squeak."})
            assert answer.status in (200, 201), answer
            with self._more:
                self.stored.append(str(answer.json()["id"]))
                self._more.notify_all()
