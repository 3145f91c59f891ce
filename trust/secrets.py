"""Promise: secrets stay secret.

Secrets of valid, invalid and failing requests must not appear in a log, in the metrics or in the database. They are
passwords, tokens, mailed links, tickets, URL signatures, cookies and keys, in their usual places and in wrong ones.
Tables are broken for a while, so that requests fail half way and their faults are logged.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.db import connection

from testing.inbox import Inbox
from testing.live import REDIS
from trust.planted import BROKEN, WAS_HERE, Day, send_all
from trust.promises import Tally, Trial
from trust.sign_ins import FORGOTTEN, collect_static_files
from trust.sites import Site, site
from trust.tables import seen_from_here

METRICS_TOKEN = "planted-metrics-token-4711"


def secrets(trial: Trial, tally: Tally) -> None:
    if not trial.is_smoke:  # which runs with DEBUG alone
        collect_static_files()
    kinds: list[tuple[str, dict[str, str]]] = [
        ("as make run does", {"DEBUG": "true", "LOG_LEVEL": "DEBUG"}),
        ("embedded, in public", {"LOG_LEVEL": "DEBUG"}),
    ]
    for name, env in kinds[: trial.size(2, 1)]:
        _embedded(trial, tally, name, env)
    if trial.is_smoke:
        return
    if REDIS:
        _production(trial, tally)
    else:
        tally.failures.append("production was not tried: redis-server is not installed")


def _embedded(trial: Trial, tally: Tally, name: str, env: dict[str, str]) -> None:
    with Inbox() as inbox:
        given = {"TRUSTED_PROXIES": "1", "EMAIL_URL": inbox.url, "METRICS_TOKEN": METRICS_TOKEN, **env}
        with site(trial, "SQLite", **given) as place, place.embedded() as server, seen_from_here(server):
            # Mails are sent by tasks after the response.
            day = Day(server, server, inbox.texts, ask_worker=lambda: inbox.wait_for(len(FORGOTTEN)))
            send_all(day, BROKEN[: trial.size(len(BROKEN), 2, 1)])
            metrics = _metrics(day)
            _search_records(tally, name, day, metrics)
        _search(tally, name, day, [server.log])


def _production(trial: Trial, tally: Tally) -> None:
    with Inbox() as inbox, ExitStack() as stack:
        given = {
            "EMAIL_URL": inbox.url,
            "METRICS_TOKEN": METRICS_TOKEN,
            "TASK_QUEUE": "database",
            "LOG_LEVEL": "DEBUG",
        }
        place = stack.enter_context(site(trial, "PostgreSQL", redis=True, **given))
        web, sockets = stack.enter_context(place.web()), stack.enter_context(place.sockets())
        stack.enter_context(seen_from_here(web))
        worker_log = trial.folder / "worker.log"
        day = Day(web, sockets, inbox.texts, ask_worker=lambda: _work(place, worker_log))
        send_all(day, BROKEN[: trial.size(len(BROKEN), 2, 1)])
        metrics = _metrics(day)
        _search_records(tally, "production", day, metrics)
        logs = [web.log, sockets.log, worker_log]
        stack.close()
        _search(tally, "production", day, logs)


def _work(place: Site, log: Path) -> None:
    """Run the worker until the queue is empty."""
    with log.open("ab") as output:
        subprocess.run(
            [sys.executable, "manage.py", "db_worker", "--batch", "--interval", "0.1"],
            cwd=settings.BASE_DIR, check=True, stdout=output, stderr=output, timeout=60,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **place.env},
        )  # fmt: skip


# --- The search -------------------------------------------------------------------------------------------


def _metrics(day: Day) -> str:
    answer = day.client().send("GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
    assert answer.status == 200, answer
    return answer.text


def _forms(secret: str) -> set[str]:
    """Return the secret, its percent-encoded form, and the signature of a signed token."""
    parts = {secret, quote(secret, safe="")}
    return parts | ({secret.rsplit(".", 1)[1]} if secret.startswith("eyJ") else set())


def _search(tally: Tally, name: str, day: Day, logs: list[Path]) -> None:
    day.plant("metrics token", METRICS_TOKEN)
    day.plant("key of the server", day.server.env["SECRET_KEY"])
    for log in logs:
        text = log.read_text(errors="replace")
        is_web = log == logs[0]
        tally.tried(not is_web or WAS_HERE in text, f"{name}: {log.name} has no line of these requests")
        tally.tried(not is_web or "Traceback" in text, f"{name}: {log.name} has no fault")
        for kind, found in day.planted.items():
            for secret in found:
                hits = [form for form in _forms(secret) if form in text]
                where = text.find(hits[0]) if hits else 0
                shown = text[max(0, where - 300) : where + 80]
                tally.tried(not hits, f"{name}: a {kind} in {log.parent.name}/{log.name}: …{shown}")
    size = sum(log.stat().st_size for log in logs)
    tally.note(f"{name}: {sum(map(len, day.planted.values()))} secrets, {size:,} bytes of log")


def _search_records(tally: Tally, name: str, day: Day, metrics: str) -> None:
    """Search the metrics and every table, including histories, tasks and stored responses, for clear secrets."""
    places = {"the metrics": metrics}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            cursor.execute(f'SELECT * FROM "{table}"')
            places[table] = repr(cursor.fetchall())
    for place, text in places.items():
        for kind, found in day.planted.items():
            if (place, kind) in KEPT:
                continue
            hits = [secret for secret in found if any(s in text for s in _forms(secret))]
            tally.tried(not hits, f"{name}: {len(hits)} {kind}s in {place}", cases=len(found))


# Secrets that must be stored to be found again: the path of a file, the key of a browser session, and the response of
# an idempotency key. A ticket in a response is valid once within half a minute, a URL for an hour.
KEPT = {
    ("files_upload", "capability"),
    ("accounts_pagesession", "cookie"),
    ("common_idempotencykey", "capability"),
    ("common_idempotencykey", "signature"),
    ("common_idempotencykey", "ticket"),
}
