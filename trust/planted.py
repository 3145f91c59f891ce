"""Requests that contain secrets: valid, invalid and failing ones at every endpoint, and a mail server.

Every secret that is sent or received is recorded, so that trust/secrets.py can search for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from django.db import connection
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from testing.servers import Server
from trust.calls import Client
from trust.people import JPEG
from trust.sign_ins import CSRF, FORGOTTEN, SIGN_INS, from_address

WAS_HERE = "trust-was-here"  # a request id, which must be logged
# Tables that are broken one by one, so that requests fail.
BROKEN = (
    "accounts_session",
    "accounts_knownaddress",
    "files_upload",
    "common_idempotencykey",
    "customers_customeruser",
)
# URL that takes a refresh token -> name of its property.
REFRESH_TOKENS = {
    "/api/token/refresh/": "refresh",
    "/api/auth/refresh/": "refreshToken",
    "/auth/refresh": "refresh_token",
    "/api/v1/auth/token/refresh/": "refresh",
    "/api/v1/auth/logout/": "refresh",
    "/api/token/verify/": "token",
    "/api/token/blacklist/": "refresh",
    "/api/auth/logout/": "refreshToken",
}
_number = count(1)


@dataclass
class Day:
    """The servers, and every secret sent or received, by kind."""

    server: Server
    sockets: Server
    mails: list[str]
    planted: dict[str, set[str]] = field(default_factory=dict)
    ask_worker: Callable[[], object] = lambda: None

    def plant(self, kind: str, secret: str | None = None) -> str:
        secret = secret or f"planted-{kind.replace(' ', '-')}-{token_hex(8)}"
        self.planted.setdefault(kind, set()).add(secret)
        return secret

    def client(self) -> Client:
        return Client(self.server.port, headers={**ALWAYS, "X-Request-ID": WAS_HERE})


ALWAYS = {name.replace("_", "-"): value for name, value in from_address("198.51.100.77").items()}


def send_all(day: Day, broken: Sequence[str]) -> None:
    email, _, access, refresh = _register_and_sign_in(day)
    _send_malformed(day, email)
    _use_tokens(day, access, refresh)
    _send_files(day, access)
    _talk(day, access)
    _reset_password(day, email)
    for table in broken:
        person = _register_and_sign_in(day)
        with _broken(table):
            _fail(day, *person)


def _register_and_sign_in(day: Day) -> tuple[str, str, str, str]:
    """Register a user, sign in everywhere, and return their email, password, access and refresh token."""
    client, password, email = day.client(), day.plant("password"), f"planted{next(_number)}@example.com"
    body = {"name": "Paula Planted", "email": email, "password": password, "phone": "+15035550100"}
    client.send("POST", "/api/auth/register/", body)
    access, refresh = "", ""
    for name, sign_in in SIGN_INS.items():
        answer = sign_in.send(client, email, password)
        if name == "admin":
            continue
        assert sign_in.is_accepted(answer), (name, answer)
        if sign_in.is_page:
            day.plant("cookie", client.cookies["sessionid"])
            client.send("GET", "/customer/dashboard/")
            client.cookies = {}
        else:
            body = answer.json()
            access, refresh = _pair(body)
            day.plant("access token", access)
            day.plant("refresh token", refresh)
    return email, password, access, refresh


def _pair(body: dict[str, Any]) -> tuple[str, str]:
    body = body.get("tokens", body)
    values = [value for value in body.values() if isinstance(value, str) and value.startswith("eyJ")]
    return values[0], values[1]


def _send_malformed(day: Day, email: str) -> None:
    """Send secrets as wrong passwords, in malformed bodies and in the wrong places."""
    client = day.client()
    for sign_in in SIGN_INS.values():
        sign_in.send(client, email, day.plant("wrong password"))
        sign_in.send(client, day.plant("password as email"), day.plant("wrong password"))
        client.cookies = {}
        for body in (
            {"email": email, "password": {"nested": day.plant("password")}},
            {"email": email, "password": day.plant("password") * 200},
            {"email": [day.plant("password")], "password": 7},
            [day.plant("password")],
        ):
            client.send("POST", sign_in.path, body)
        for content, kind in (
            (f'{{"email": "{email}", "password": "{day.plant("password")}"', "application/json"),
            (f"password={day.plant('password')}", "application/x-www-form-urlencoded"),
            (f"<p>{day.plant('password')}</p>", "text/xml"),
            (f'{{"password": "{day.plant("password")}\\u0000"}}', "text/plain"),
        ):
            client.send("POST", sign_in.path, content.encode(), Content_Type=kind)
        client.send("GET", f"{sign_in.path}?password={day.plant('password')}&token={day.plant('token')}")
    for path in (
        "/",
        "/api/vehicles/",
        "/customer/",
        "/admin/",
        "/no/such/place",
        "/api/schema/",
        "/healthz",
    ):
        client.send("GET", f"{path}?access_token={day.plant('token')}&api_key={day.plant('key')}")
        client.send("GET", path, Authorization=f"Bearer {day.plant('token')}", X_Api_Key=day.plant("key"))
        client.send(
            "GET",
            path,
            Authorization=f"Basic {day.plant('token')}",
            Cookie=f"sessionid={day.plant('cookie')}",
        )
        client.send("DELETE", path, {"secret": day.plant("key")}, Proxy_Authorization=day.plant("token"))
    client.send("POST", "/api/token/", b"x" * 3_000_000, Authorization=f"Bearer {day.plant('token')}")
    client.close()


def _use_tokens(day: Day, access: str, refresh: str) -> None:
    client = day.client()
    for path, name in REFRESH_TOKENS.items():
        client.send("POST", path, {name: day.plant("token")})
        client.send("POST", f"{path}?{name}={refresh}", {name: [refresh]})
    client.token = access
    answer = client.send("POST", "/api/token/refresh/", {"refresh": refresh})
    day.plant("access token", answer.json()["access"])
    client.send("GET", f"/api/vehicles/?token={access}")
    body = {"oldPassword": day.plant("wrong password"), "newPassword": day.plant("password")}
    for _ in range(2):
        client.send("POST", "/api/auth/password/change/", body, Idempotency_Key="one-key")
    client.send("POST", "/api/auth/password/change/", {**body, "newPassword": "1"}, Idempotency_Key="one-key")
    client.send("POST", "/api/chat/ticket/", {}, Idempotency_Key="\t")
    client.send("GET", "/metrics", Authorization=f"Bearer {day.plant('token')}")


def _send_files(day: Day, access: str) -> None:
    client = Client(day.server.port, access, {**ALWAYS, "X-Request-ID": WAS_HERE})
    answer = client.send(
        "POST",
        "/api/files/presign/",
        {"filename": "a.jpg", "contentType": "image/jpeg"},
        Idempotency_Key="a-file",
    )
    address = urlsplit(answer.json()["url"])
    signature = parse_qs(address.query)["signature"][0]
    day.plant("signature", signature)
    day.plant("capability", address.path.split("/uploads/")[1].split("/")[0])
    anonymous = day.client()
    sent = f"{address.path}?{address.query}"
    for query in (
        sent.replace(signature, day.plant("signature")),
        sent.replace("expires=", "expires=x"),
        sent,
        sent,
    ):
        anonymous.send("PUT", query, JPEG, Content_Type="image/jpeg")
    anonymous.send("GET", sent)
    anonymous.send("DELETE", sent)


def _talk(day: Day, access: str) -> None:
    client = Client(day.server.port, access, {**ALWAYS, "X-Request-ID": WAS_HERE})
    keys = ("socket-0", "socket-1")
    answers = [client.send("POST", "/api/chat/ticket/", {}, Idempotency_Key=key).json() for key in keys]
    tickets = [day.plant("ticket", answer["ticket"]) for answer in answers]
    queries = [f"token={access}", f"ticket={tickets[0]}", f"ticket={tickets[0]}", f"token={day.plant('token')}",
               f"ticket={day.plant('ticket')}", f"token={quote(day.plant('token') + chr(10))}", ""]  # fmt: skip
    for query in queries:
        for path in ("/chat/ws", "/chat/wsx"):
            try:
                address = f"ws://localhost:{day.sockets.port}{path}?{query}"
                with connect(address, additional_headers={"X-Forwarded-For": "198.51.100.77"}) as socket:
                    socket.send(f'{{"type": "SEND", "token": "{day.plant("token")}"')
                    socket.recv(timeout=2)
            except (WebSocketException, TimeoutError):
                pass
    client.send("GET", f"/chat/ws?token={access}")


def _reset_password(day: Day, email: str) -> None:
    """Request password resets in the app and in the portal, and use the mailed links."""
    client = day.client()
    for path in FORGOTTEN:
        client.cookies = {"csrftoken": CSRF}
        fields = {"csrfmiddlewaretoken": CSRF, "email": email}
        is_page = path.startswith("/customer")
        client.send(
            "POST", path, fields if is_page else {"email": email}, form=is_page, Referer="https://localhost/"
        )
    day.ask_worker()
    links = [link for mail in day.mails for link in re.findall(r"https?://\S+token=[\w-]+", mail)]
    assert len(links) >= len(FORGOTTEN), day.mails
    for link in links:
        token = day.plant("mailed link", parse_qs(urlsplit(link).query)["token"][0])
        client.send("GET", f"{urlsplit(link).path}?token={token}")
        client.send("GET", f"/customer/password/new/?token={token}")
        weak = {"token": token, "password": "1", "passwordConfirm": "1"}
        client.send("POST", "/api/auth/reset-password/", weak)
    for token in (*day.planted["mailed link"], day.plant("mailed link")):
        new = day.plant("password")
        client.send(
            "POST", "/api/auth/reset-password/", {"token": token, "password": new, "passwordConfirm": new}
        )


@contextmanager
def _broken(table: str) -> Iterator[None]:
    """Break the table, so that requests that need it fail half way."""
    breaks = [f'ALTER TABLE "{table}" RENAME TO "{table}_away"']
    mends = [f'ALTER TABLE "{table}_away" RENAME TO "{table}"']
    if (
        connection.vendor == "sqlite"
    ):  # a missing table would count as an unavailable database: a 503 and no fault
        refuse = f"ON {table} BEGIN SELECT RAISE(ABORT, 'the table is broken'); END"
        breaks = [f"CREATE TRIGGER broken_{verb} BEFORE {verb} {refuse}" for verb in ("INSERT", "UPDATE")]
        mends = [f"DROP TRIGGER broken_{verb}" for verb in ("INSERT", "UPDATE")]
    _execute(breaks)
    try:
        yield
    finally:
        _execute(mends)


def _execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _fail(day: Day, email: str, password: str, access: str, refresh: str) -> None:
    client = day.client()
    statuses = set()
    for sign_in in SIGN_INS.values():
        statuses.add(sign_in.send(client, email, day.plant("password")).status)
        statuses.add(sign_in.send(client, email, password).status)
    client.cookies, client.token = {}, access
    for path, name in (("/api/token/refresh/", "refresh"), ("/api/token/verify/", "token")):
        statuses.add(client.send("POST", path, {name: refresh}).status)
    body = {"oldPassword": day.plant("password"), "newPassword": day.plant("password")}
    statuses.add(client.send("POST", "/api/auth/password/change/", body, Idempotency_Key="fails").status)
    for path in ("/api/vehicles/", "/api/files/presign/"):
        sent = {"filename": "b.jpg", "contentType": "image/jpeg", "secret": day.plant("key")}
        statuses.add(
            client.send("POST", f"{path}?token={day.plant('token')}", sent, Idempotency_Key="fails").status
        )
    signed = (
        f"/api/files/uploads/{day.plant('capability')}/a.jpg?expires=1&signature={day.plant('signature')}"
    )
    statuses.add(client.send("PUT", signed, JPEG, Content_Type="image/jpeg").status)
    new = day.plant("password")
    body = {"token": day.plant("mailed link"), "password": new, "passwordConfirm": new}
    statuses.add(client.send("POST", "/api/auth/reset-password/", body).status)
    statuses.add(client.send("POST", "/api/auth/logout/", {"refreshToken": refresh}).status)
    assert 500 in statuses or connection.vendor == "sqlite", (
        statuses
    )  # on SQLite only writes fail, and not every table is written to
