"""Hostile requests made from the served schema: every operation, and every place in it that takes a value."""

from __future__ import annotations

import http.client
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import psycopg
import requests
from django.conf import settings

from common.http.contracts.registry import CONTRACTS
from common.http.problems import UNKNOWN_ROUTE
from testing.openapi import unfolded
from testing.roles import is_staffs
from testing.servers import Server
from trust.fuzz import ROLES, sign_in_to_pages, token
from trust.hostile_values import BODIES, FRAGMENTS, HEADERS, IN_ADDRESS, JSON, duplicate_keys
from trust.promises import Tally, Trial

_STRIDE = {"SQLite": 2, "PostgreSQL": 1}  # every n-th request; all on PostgreSQL, which checks ranges
# The lists with the ids of a URL, where it is not the URL before the id.
_LISTS = {"/api/telematics/": "/api/vehicles/", "/api/v1/customer/orders/track/": "/api/v1/customer/orders"}


@dataclass(frozen=True)
class Request:
    what: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    responses: dict[str, Any]
    parameters: list[dict[str, Any]]
    example: dict[str, Any] | None  # a valid body

    @property
    def contract(self) -> str:
        return self.name.partition("_")[0]


class Caller:
    """A persistent connection with the credentials of a user."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self.port, self.headers = server.port, headers
        self.line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (names in lower case) and body. Reopen a connection that the server closed, once."""
        for last in (False, True):
            try:
                self.line.request(
                    request.method, request.path, request.body, {**self.headers, **request.headers}
                )
                answer = self.line.getresponse()
                return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.line.close()
                if last:
                    raise
        raise AssertionError


def by_hand(trial: Trial, tally: Tally, engine: str) -> None:
    """Try every operation of every contract on this engine, and watch the database for writes."""
    # No worker writes beside the requests: mails stay in the queue.
    with trial.server(engine, MAX_BODY_BYTES=str(2 * 1024 * 1024), TASK_QUEUE="database") as server:
        served = requests.get(f"{server.url}/api/schema/", headers={"Accept": JSON}, timeout=60)
        schema = unfolded(served.json())
        judge, watch, number = Judge(schema), _watch(server), 0
        people = _people(server)
        for operation in _operations(schema):
            caller, path = _allowed_caller(operation, people)
            before, accepted = watch(), []
            for request in _requests(operation, path):
                number += 1
                if number % trial.size(_STRIDE[engine], 61, 601):
                    continue
                seen = watch() if engine == "SQLite" else None
                status, headers, body = caller.send(request)
                wrong = judge.fault(operation, status, headers, body)
                if status < 400:
                    accepted.append(request)
                elif seen is not None and watch() != seen:
                    wrong = wrong or "it was refused, and the database changed"
                tally.tried(not wrong, f"{engine}: {operation.name}: {request.what}: {wrong}")
            if not accepted and watch() != before:
                tally.failures.append(
                    f"{engine}: {operation.name}: all requests were refused, and the database changed"
                )
        assert server.process.poll() is None


def _operations(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            examples = json.loads((settings.EXAMPLES_DIR / f"{name.partition('_')[0]}.json").read_text())
            body = examples.get(name, {}).get("request") if "requestBody" in operation else None
            if "requestBody" in operation and body is None:
                body = {}
            yield Operation(
                name, method.upper(), path, operation["responses"], operation.get("parameters", []), body
            )


def _people(server: Server) -> dict[str, dict[str, Caller]]:
    """Return a signed-in caller for each role and contract."""
    people: dict[str, dict[str, Caller]] = {}
    for role in ("customers", "administrator"):
        people[role] = {}
        for contract, (email, password) in ROLES[role].items():
            if contract == "FLEET":
                cookies = sign_in_to_pages(server, email, password).cookies
                headers = {
                    "Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items()),
                    "X-CSRFToken": cookies["csrftoken"],
                }
            else:
                headers = {"Authorization": f"Bearer {token(server, email, password)}"}
            people[role][contract.lower()] = Caller(server, headers)
    return people


def _allowed_caller(operation: Operation, people: dict[str, dict[str, Caller]]) -> tuple[Caller, str]:
    """Return a caller who is allowed, and the URL with ids of that caller: the customer if possible.

    At the staff's API it is the administrator, whose answers the schema describes.
    """
    for role in ("administrator",) if is_staffs(operation.path) else ("customers", "administrator"):
        caller = people[role][operation.contract]
        path = _path_with_ids(operation, caller)
        probe = Request("", operation.method, path, {"Content-Type": JSON}, b"[]")
        if caller.send(probe)[0] != 403:
            break
    return caller, path


def _path_with_ids(operation: Operation, caller: Caller) -> str:
    head, brace, _ = operation.path.partition("{")
    if not brace:
        return operation.path
    path = operation.path
    _, _, found = caller.send(Request("", "GET", _LISTS.get(head, head)))
    try:
        rows = json.loads(found)
        rows = rows.get("results", []) if isinstance(rows, dict) else rows
    except ValueError:
        rows = []
    first = str(rows[0].get("id") or rows[0]["vehicle"]) if rows else "1"  # health has the id of its vehicle
    for parameter in (p for p in operation.parameters if p["in"] == "path"):
        path = path.replace(
            f"{{{parameter['name']}}}", first if parameter["name"] in ("id", "thread") else "1"
        )
    return path


def _requests(operation: Operation, path: str) -> Iterator[Request]:
    """Yield every request to try on one operation."""
    plain = Request("", operation.method, path)
    content = None if operation.example is None else json.dumps(operation.example).encode()
    if content is not None:
        plain = replace(plain, headers={"Content-Type": JSON}, body=content)
    yield from _in_the_address(operation, path, plain)
    for what, (name, value) in HEADERS.items():
        yield replace(plain, what=what, headers={**plain.headers, name: value})
    if operation.method in ("POST", "PUT", "PATCH"):
        for what, (kind, body) in BODIES.items():
            yield replace(
                plain, what=f"body: {what}", headers={"Content-Type": kind} if kind else {}, body=body
            )
    if operation.example is not None:
        yield from _in_the_body(operation.example, plain)


def _in_the_address(operation: Operation, path: str, plain: Request) -> Iterator[Request]:
    for parameter in operation.parameters:
        name = quote(parameter["name"])
        for what, value in IN_ADDRESS.items():
            if parameter["in"] == "query":
                yield replace(plain, what=f"?{name}: {what}", path=f"{path}?{name}={value}")
            elif parameter["in"] == "path" and not value.startswith("x"):
                given = operation.path.replace(f"{{{parameter['name']}}}", value).replace("{id}", "1")
                yield replace(plain, what=f"{{{name}}}: {what}", path=given)
    for what, query in (
        ("unknown", "?unknown=1"), ("twice", "?page=1&page=2"), ("no name", "?=1&&&"), ("NUL name", "?%00=1"),
        ("half a name", "?%ff=1"), ("2,000 names", "?" + "&".join(f"a{n}=1" for n in range(2_000))),
    ):  # fmt: skip
        yield replace(plain, what=f"query: {what}", path=path + query)


def _in_the_body(example: dict[str, Any], plain: Request) -> Iterator[Request]:
    places = {(name,) for name in example}
    places |= {(name, inner) for name, value in example.items() if isinstance(value, dict) for inner in value}
    places |= {
        (name, 0, inner)
        for name, value in example.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
        for inner in value[0]
    }
    for place in sorted(places, key=str):
        for what, fragment in FRAGMENTS.items():
            body = json.dumps(_with(example, place, "☠")).replace(json.dumps("☠"), fragment, 1)
            yield replace(plain, what=f"{place}: {what}", body=body.encode("utf-8"))
    for body_twice in duplicate_keys(example):
        yield replace(plain, what="a key twice", body=body_twice)


def _with(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of `value` with `new` at `place`."""
    if not place:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = _with(value[place[0]], place[1:], new)
    return copied


# The bodies of a URL that no route matches. A hostile value can turn the URL of any operation into one.
_UNROUTED = [contract.body(UNKNOWN_ROUTE) for contract in CONTRACTS]


class Judge:
    """Checks responses against the schema: no 5xx, no status and no body that the contract does not have."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.components = schema["components"]
        self.operations = list(_operations(schema))

    def fault(self, operation: Operation, status: int, headers: dict[str, str], body: bytes) -> str:
        shown = f"{status} {body[:300]!r}"
        if status >= 500:
            return shown
        expected = self._expected(operation, str(status))
        if expected is None:
            return f"no such status in the contract: {shown}"
        if "content" not in expected:
            return "" if status in (204, 302) and not body else f"a body where the contract has none: {shown}"
        kind = headers.get("content-type", "").partition(";")[0]
        if kind not in expected["content"]:
            return f"{kind} where {list(expected['content'])} is expected: {shown}"
        if kind != JSON:
            return ""
        if status == 404 and json.loads(body) in _UNROUTED:
            return ""
        error = next(self._validator(operation.name, status).iter_errors(json.loads(body)), None)
        return f"{error.message}: {shown}" if error else ""

    def _expected(self, operation: Operation, status: str) -> dict[str, Any] | None:
        """Return the response in the schema.

        A hostile value can turn the URL into that of another operation. Then any response of the contract with that
        status is accepted.
        """
        if status in operation.responses:
            return operation.responses[status]
        if status in ("404", "405", "400", "413", "415", "422"):
            same = (o for o in self.operations if o.contract == operation.contract and status in o.responses)
            if (found := next(same, None)) is not None:
                return found.responses[status]
        return None

    @cache  # noqa: B019  # the judge lives as long as the trial
    def _validator(self, name: str, status: int) -> Any:
        operation = next(o for o in self.operations if o.name == name)
        expected = self._expected(operation, str(status))
        assert expected is not None
        return jsonschema_rs.validator_for(
            {**expected["content"][JSON]["schema"], "components": self.components}
        )


def _watch(server: Server) -> Callable[[], Any]:
    """Return a function whose value changes with every write: SQLite's data version, or a hash of PostgreSQL's rows."""
    if server.env["USE_POSTGRES"] == "false":
        line = sqlite3.connect(server.env["SQLITE_PATH"], check_same_thread=False)
        return lambda: line.execute("PRAGMA data_version").fetchone()
    given = settings.POSTGRES
    postgres = psycopg.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
        dbname=server.env["DB_NAME"], autocommit=True,
    )  # fmt: skip
    tables = [
        row[0]
        for row in postgres.execute("SELECT relname FROM pg_stat_user_tables ORDER BY relname").fetchall()
    ]
    query = " UNION ALL ".join(
        f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM \"{table}\" t"
        for table in tables
    )
    return lambda: postgres.execute(query).fetchall()
