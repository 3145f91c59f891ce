"""Promise: one key, one effect.

The same request is sent many times at once with the same key, to every operation of the served schema that declares
`Idempotency-Key`. The requests are those of `testing/examples`, in their order, on the demo data. Each is first sent
once on another database. The changes there, in rows and sums of every table, are the changes that fifty may make.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import ModuleType
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.db.models import Count, DecimalField, FloatField, IntegerField, Model, Sum

from accounts.models import Session, User
from common.http.contracts.base import Contract
from common.http.idempotency import KeyReused
from common.http.problems import problem_from
from common.http.routing import view_class_of
from files.models import Upload
from testing.examples import care, crm, fleet, member, shop
from testing.examples.calls import NEWCOMER, filled
from testing.servers import database, free_port, serving
from testing.storms import parallel
from trust.clients import Client, describe
from trust.databases import looking_into
from trust.promises import Tally, Trial
from trust.tables import OF_THE_SERVER

# Those of a group share a server. The staff answer the estimate that the fleet answers. Contract 004 creates the
# newcomer's profile, which contract 003 would create implicitly.
GROUPS: tuple[tuple[ModuleType, ...], ...] = ((shop,), (fleet, care, crm, member))
# Forms with files are no JSON, and a test of each sends one twice. Two calls are recorded without a login. A fill-up of
# a past day is tried as one of today, which has a route of its own. Payment intents never succeed. A task begins the
# schedules of a new template between two requests, and a test of the API sends one twice.
NOT_TRIED = (
    "care_avatar", "care_ticket_attachments", "member_contact_post", "member_request_deletion_post",
    "member_fuel_logs_post", "member_create_payment_intent_post", "member_confirm_payment_post",
    "shop_schedule_templates_create",
)  # fmt: skip
# The first request ends its session, so that concurrent ones may be 401.
ENDS_THE_SESSION = {"member_change_password_post", "member_users_change_password_post"}
# A process answers few of these at once, and the others are 503.
FEW_AT_ONCE = {"shop_batch_run"}
# The property that the first response alone tells. Replays have null.
SHOWS_ONCE = {
    "shop_api_keys_create": "key",
    "shop_webhooks_create": "secret",
    "shop_webhooks_rotate_secret": "secret",
}

Sums = dict[str, float]


@dataclass(frozen=True)
class Post:
    """A recorded request that succeeds."""

    operation: str
    path: str
    login: tuple[str, str]
    body: Any
    method: str = "POST"

    def client(self, port: int) -> Client:
        user = User.objects.get(email=self.login[0])
        return Client.in_browser(port, user) if self.path.startswith("/customer/") else Client.of(port, user)


def one_key_one_effect(trial: Trial, tally: Tally) -> None:
    once: dict[str, Sums] = {}
    keyed: set[str] = set()
    for number, group in enumerate(GROUPS):
        with _demo(trial, "SQLite", f"once-{number}") as port:
            keyed = keyed or _keyed_operations(port, tally)
            for post, before in _posts(port, keyed, group):
                answer = _send(post.client(port), post, str(uuid4()))
                tally.tried(answer.ok, describe(answer))
                once[post.operation] = _changes(before, _sums())
    tally.tried(set(once) == keyed, f"never sent: {keyed - set(once)}")
    for engine in trial.engines:
        for number, group in enumerate(GROUPS):
            with _demo(trial, engine, f"storm-{number}") as port:
                for post, before in _posts(port, keyed, group):
                    _storm(port, post, trial.size(50, 8, 2), once[post.operation], before, tally)
    tally.note(f"{len(keyed)} routes on each engine")


@contextmanager
def _demo(trial: Trial, engine: str, name: str) -> Iterator[int]:
    """Start a server with the demo data and a newcomer, connect to its database, and yield its port."""
    folder, port = trial.folder / f"{name}-{engine}", free_port()
    folder.mkdir()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with (
        database(folder, postgres=engine == "PostgreSQL") as env,
        serving(command, folder=folder, port=port, env={"DEBUG": "true", **env}),
        looking_into(env),
    ):
        email, password = NEWCOMER
        # Hashed like the server does. The settings of the suite have a cheaper hasher.
        newcomer = User.objects.create_user(email)
        User.objects.filter(pk=newcomer.pk).update(
            password=make_password(password, hasher=Argon2PasswordHasher())
        )
        yield port


def _keyed_operations(port: int, tally: Tally) -> set[str]:
    """Return the POSTs that declare the header. Every authenticated POST must be among them."""
    keyed = set()
    for item in Client(port).call("GET", "/api/schema/", Accept="application/json").json()["paths"].values():
        post = item.get("post", {})
        names = {parameter["name"] for parameter in post.get("parameters", [])}
        if "Idempotency-Key" in names:
            if not post["operationId"].startswith(NOT_TRIED):
                keyed.add(post["operationId"])
        elif post:
            tally.tried(post["security"] == [{}], f"{post['operationId']} takes no Idempotency-Key")
    return keyed


def _posts(port: int, keyed: set[str], group: tuple[ModuleType, ...]) -> Iterator[tuple[Post, Sums]]:
    """Yield the first successful call of each operation, filled with the current rows, and the sums before it.

    What later calls build on is sent as it was recorded: the other successful calls of the operation, and changes.
    """
    for contract in group:
        for operation, (method, path, calls) in contract.ALL.items():
            done = [call for call in calls if call.status < 300]
            for call in done if operation in keyed or method == "patch" else ():
                names = contract.names()
                assert call.login is not None
                body = _in_future(filled(call.body, names))
                post = Post(operation, path.format(**names), call.login, body, method.upper())
                if operation in keyed and call is done[0]:
                    yield post, _sums()
                else:
                    _send(post.client(port), post, str(uuid4()))


def _in_future(body: Any) -> Any:
    """Return the body with each recorded start moved by whole weeks into the future, where it can be booked."""

    def later(match: re.Match[str]) -> str:
        recorded = datetime.fromisoformat(match[0])
        now = datetime.now(UTC if recorded.tzinfo else None)  # a local time has no zone
        weeks = (now + timedelta(days=2) - recorded) // timedelta(weeks=1) + 1
        return (recorded + timedelta(weeks=weeks)).isoformat()

    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?(?=\")", later, json.dumps(body)))


def _send(client: Client, post: Post, key: str, **more: str) -> Any:
    body = post.body if not more else {**(post.body or {}), **more}
    return client.call(post.method, post.path, body, **{"Idempotency-Key": key})


def _without_headers(batch: Any) -> bytes:
    """Return the body of a batch without what a single write tells in headers, which a replay has not."""
    for result in batch["results"]:
        del result["etag"], result["replayed"]
    return json.dumps(batch).encode()


def _storm(port: int, post: Post, times: int, once: Sums, before: Sums, tally: Tally) -> None:
    key, first = str(uuid4()), post.client(port)
    clients = [Client.like(first) for _ in range(times)]
    answers = parallel(times, lambda number: _answered(clients[number], post, key))
    responses: set[tuple[int, bytes]] = set()
    shown: list[str | None] = []
    for answer in answers:
        if isinstance(answer, Exception):
            tally.tried(False, f"{post.operation}: {answer!r}")
        elif tally.tried(answer.ok or _is_signed_out(post, answer), describe(answer)) and answer.ok:
            content = answer.content
            if name := SHOWS_ONCE.get(post.operation):
                body = answer.json()
                shown.append(body.pop(name))
                content = json.dumps(body).encode()
            if post.operation == "shop_batch_run":
                content = _without_headers(answer.json())
            responses.add((answer.status_code, content))
    told = len(shown) - shown.count(None)
    tally.tried(told <= 1, f"{post.operation}: {told} responses tell the secret")
    tally.tried(len(responses) == 1, f"{post.operation}: {len(responses)} different responses")
    changed = _changes(before, _sums())
    tally.tried(changed == once, f"{post.operation}: changed {changed}, not {once}")
    another, after = post.client(port), _sums()
    refused = _send(another, post, key, another="body")
    tally.tried((refused.status_code, refused.json()) == _reused(post.path), describe(refused))
    changed = _changes(after, _sums())
    tally.tried(not changed, f"{post.operation}: refused for another body, and changed {changed}")


def _answered(client: Client, post: Post, key: str) -> Any:
    """Send the request, and again after the time that a 503 names if the operation is one of FEW_AT_ONCE."""
    until = time.monotonic() + 60
    while True:
        answer = _send(client, post, key)
        is_busy = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and post.operation in FEW_AT_ONCE
        if not is_busy or time.monotonic() > until:
            return answer
        time.sleep(int(answer.headers["Retry-After"]))


def _is_signed_out(post: Post, answer: Any) -> bool:
    return post.operation in ENDS_THE_SESSION and answer.status_code == 401


def _reused(path: str) -> tuple[int, Any]:
    contract: Contract = view_class_of(path).contract
    problem = problem_from(KeyReused())
    assert problem is not None
    return contract.render_problem(problem)[:2]


def _sums() -> Sums:
    """Return the number of rows of every table, and the sum of each of its numeric columns."""
    found: Sums = {}
    for model in apps.get_models(include_auto_created=True):
        if model is Session or model.__name__ == "Paper" or model._meta.db_table in OF_THE_SERVER:
            continue  # the clients of the trial create these, and the worker typesets papers in its own time
        stored = model._base_manager.all()
        if model is Upload:
            stored = stored.exclude(owner=None, content_type="application/pdf")  # papers
        wanted = {"rows": Count("*")} | {name: Sum(name) for name in _measures(model)}
        for name, value in stored.aggregate(**wanted).items():
            found[f"{model.__name__}.{name}"] = float(value or 0)
    return found


def _measures(model: type[Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        is_number = isinstance(field, (IntegerField, DecimalField, FloatField)) and not field.primary_key
        if is_number and field.name != "id" and not field.name.endswith("_id"):
            yield field.name


def _changes(before: Sums, after: Sums) -> Sums:
    return {name: round(after[name] - before[name], 6) for name in after if after[name] != before[name]}
