"""Promise: tokens end.

A second after a sign-out, a new password or a deactivation, no credential of the user is valid. Each user holds a pair
of tokens of each contract, sessions of the portal and the admin, a mailed link, a socket ticket and open sockets. One
event ends all of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from accounts.tokens import reset_token
from customers.models import Customer
from testing import factories
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.keys import try_keys
from trust.people import PASSWORD, person, set_passwords
from trust.promises import ENGINES, Tally, Trial
from trust.tables import seen_from_here

# The sign-ins that return tokens: the URL, and a function that gets both tokens from the response.
SIGN_INS = {
    "shop": ("/api/token/", lambda body: (body["access"], body["refresh"])),
    "member": ("/api/auth/login/", lambda body: (body["accessToken"], body["refreshToken"])),
    "care": ("/auth/login", lambda body: (body["access_token"], body["refresh_token"])),
}
# URLs that take an access token, for customers and for staff.
OPENS = {
    "customer": (
        "/api/shop/vehicles/customers/me/vehicles/", "/api/vehicles/", "/api/v1/customer/dashboard",
        "/api/v1/customers/profile/", "/api/chat/threads/",
    ),
    "staff": ("/api/shop/vehicles/", "/api/v1/customers/", "/api/chat/threads/"),
}  # fmt: skip
REFRESHES = {
    "/api/token/refresh/": "refresh",
    "/api/auth/refresh/": "refreshToken",
    "/auth/refresh": "refresh_token",
}
NEW_PASSWORD = "an entirely new one 31"
SOCKET_CHECK_SECONDS = 2
SESSION_ENDED = 4401
PATIENCE_SECONDS = 20  # for a busy machine; the promise is a minute, with a check every 30 s


@dataclass
class Belongings:
    """The credentials of one user."""

    user: User
    client: Client
    pairs: dict[str, tuple[str, str]]  # sign-in -> access, refresh
    link: str
    ticket: str
    pages: dict[str, Client]  # page -> browser signed in to it
    sockets: list[ClientConnection] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return "staff" if self.user.is_staff else "customer"


def tokens(trial: Trial, tally: Tally) -> None:
    for engine in ENGINES[: trial.size(2, 1)]:
        options = {"ROTATE_REFRESH_TOKENS": "true", "SOCKET_CHECK_SECONDS": str(SOCKET_CHECK_SECONDS)}
        with trial.server(engine, demo=False, **options) as server, seen_from_here(server):
            _try_rotation(server, tally, rounds=trial.size(10, 2, 1))
            _try_events(server, tally, number=trial.size(len(EVENTS), len(EVENTS), 1))
            try_keys(server, tally)


# --- One refresh token, many at once -------------------------------------------------------------------------


def _try_rotation(server: Server, tally: Tally, *, rounds: int) -> None:
    """Refresh fifty times at once: at most one succeeds, and the reuse of the old token ends the session."""
    user = _customer("rita@example.com")
    set_passwords()
    for number in range(rounds):
        refresh = _sign_in(server, "shop", user)[1]
        answers = parallel(50, lambda _, sent=refresh: _refresh(server, sent))
        statuses = [answer.status if isinstance(answer, Answer) else repr(answer) for answer in answers]
        given = [answer.json() for answer in answers if isinstance(answer, Answer) and answer.status == 200]
        tally.tried(len(given) <= 1, f"{len(given)} of 50 parallel refreshes returned tokens", cases=50)
        tally.tried(set(statuses) <= {200, 401}, f"parallel refreshes answered {set(statuses)}", cases=50)
        for body in given:
            answer = Client(server.port, body["access"]).send("GET", OPENS["customer"][0])
            tally.tried(
                answer.status == 401, f"round {number}: a session survived the reuse of its token: {answer}"
            )
            answer = _refresh(server, body["refresh"])
            tally.tried(answer.status == 401, f"round {number}: its new refresh token is valid: {answer}")
    # In sequence, each token is valid once.
    refresh = _sign_in(server, "shop", user)[1]
    for _ in range(5):
        answer = _refresh(server, refresh)
        holds = answer.status == 200 and answer.json()["refresh"] != refresh
        if not tally.tried(holds, f"a refresh token in its turn: {answer}"):
            return
        refresh = answer.json()["refresh"]


def _refresh(server: Server, refresh: str, path: str = "/api/token/refresh/") -> Answer:
    client = Client(server.port)
    try:
        return client.send("POST", path, {REFRESHES[path]: refresh})
    finally:
        client.close()


# --- Events that end every credential ------------------------------------------------------------------------


def _try_events(server: Server, tally: Tally, *, number: int) -> None:
    root = person("root@shop.example", role="admin", is_superuser=True)
    owners = {
        (name, kind): _customer(f"{name}@example.com".replace(" ", "-")) if kind == "customer"
        else person(f"{name}@shop.example".replace(" ", "-"), role="advisor")
        for name in list(EVENTS)[:number]
        for kind in ("customer", "staff")
    }  # fmt: skip
    set_passwords()
    office = Client(server.port).sign_in_to_pages(root.email or "", PASSWORD, "/admin/login/")
    for (name, kind), user in owners.items():
        user.refresh_from_db()
        held = _collect(server, user)
        _all_good(tally, held, f"{name}, {kind}")
        answer = EVENTS[name](held, office)
        tally.tried(answer is None or answer.status < 400, f"{name} of {kind} itself: {answer}")
        over = time.monotonic()
        time.sleep(1)
        (_one_sign_in_ended if name == "logout" else _all_ended)(tally, held, f"{name}, {kind}", over)


def _customer(email: str) -> User:
    user = person(email)
    factories.CustomerFactory(contact=user)
    return user


def _sign_in(server: Server, name: str, user: User) -> tuple[str, str]:
    path, tokens_of = SIGN_INS[name]
    answer = Client(server.port).send("POST", path, {"email": user.email, "password": PASSWORD})
    assert answer.status == 200, (name, answer)
    return tokens_of(answer.json())  # type: ignore[no-untyped-call, no-any-return]


def _collect(server: Server, user: User) -> Belongings:
    pairs = {name: _sign_in(server, name, user) for name in SIGN_INS}
    client = Client(server.port, pairs["shop"][0])
    logins = (
        {"/admin/tables/": "/admin/login/"} if user.is_staff else {"/customer/dashboard/": "/customer/login/"}
    )
    pages = {
        page: Client(server.port).sign_in_to_pages(user.email or "", PASSWORD, login_page)
        for page, login_page in logins.items()
    }
    tickets = [client.send("POST", "/api/chat/ticket/").json()["ticket"] for _ in range(2)]
    queries = [f"token={pairs['member'][0]}", f"ticket={tickets[0]}"]
    if not user.is_staff:
        page = pages["/customer/dashboard/"]
        page.send("GET", "/customer/company/")
        live = page.send(
            "POST", "/customer/live/", {"csrfmiddlewaretoken": page.cookies["csrftoken"]}, form=True
        )
        queries.append(f"ticket={live.json()['ticket']}")
    user.refresh_from_db()  # the signature of the link covers the last sign-in
    held = Belongings(user, client, pairs, reset_token(user), tickets[1], pages)
    held.sockets = [_socket(server.port, query) for query in queries]
    return held


def _socket(port: int, query: str) -> ClientConnection:
    return connect(f"ws://localhost:{port}/chat/ws?{query}", compression=None)


def _asked(held: Belongings) -> list[tuple[str, Answer, set[int]]]:
    """Use every credential once, and return its name, the response, and the statuses of a refusal."""
    port = held.client.port
    asked = []
    for sign_in, (access, refresh) in held.pairs.items():
        for path in OPENS[held.kind]:
            asked.append(
                (f"{sign_in}'s access token at {path}", Client(port, access).send("GET", path), {401})
            )
        verified = Client(port).send("POST", "/api/token/verify/", {"token": access})
        asked.append((f"{sign_in}'s access token verified", verified, {401}))
        if refresh:
            verified = Client(port).send("POST", "/api/token/verify/", {"token": refresh})
            asked.append((f"{sign_in}'s refresh token verified", verified, {401}))
    for page, browser in held.pages.items():
        asked.append((f"a browser at {page}", browser.send("GET", page), {302}))
    return asked


def _all_good(tally: Tally, held: Belongings, what: str) -> None:
    for name, answer, _ in _asked(held):
        tally.tried(answer.status == 200, f"before {what}: {name}: {answer}")


def _all_ended(tally: Tally, held: Belongings, what: str, over: float) -> None:
    port = held.client.port
    asked = _asked(held)
    for sign_in, (_, refresh) in held.pairs.items():
        for path, name in REFRESHES.items() if refresh else ():
            answer = Client(port).send("POST", path, {name: refresh})
            asked.append((f"{sign_in}'s refresh token at {path}", answer, {401}))
    body = {"token": held.link, "password": NEW_PASSWORD, "passwordConfirm": NEW_PASSWORD}
    asked.append(("a mailed link", Client(port).send("POST", "/api/auth/reset-password/", body), {400}))
    for name, answer, refusal in asked:
        if name == "a mailed link" and what.startswith("role change"):
            continue  # it proves the ownership of the mailbox, which a role does not change
        tally.tried(answer.status in refusal, f"after {what}: {name}: {answer}")
    fresh = [f"token={held.pairs['shop'][0]}", f"ticket={held.ticket}"]
    for query in fresh:
        with _socket(port, query) as socket:
            _closes(tally, socket, f"after {what}: a new socket by {query[:6]}", time.monotonic())
    for number, socket in enumerate(held.sockets):
        _closes(tally, socket, f"after {what}: open socket {number}", over)


def _one_sign_in_ended(tally: Tally, held: Belongings, what: str, over: float) -> None:
    """Check that a sign-out ends the sessions that were signed out, and no others."""
    ended = {"shop", "member"}
    for name, answer, refusal in _asked(held):
        is_ended = name.split("'")[0] in ended or name.startswith("a browser")
        tally.tried(answer.status in (refusal if is_ended else {200}), f"after {what}: {name}: {answer}")
    for sign_in in ended:
        for path, name in REFRESHES.items():
            answer = Client(held.client.port).send("POST", path, {name: held.pairs[sign_in][1]})
            tally.tried(answer.status == 401, f"after {what}: {sign_in}'s refresh token at {path}: {answer}")
    for number, socket in enumerate(held.sockets):  # each was opened by a sign-in that ended
        _closes(tally, socket, f"after {what}: open socket {number}", over)


def _closes(tally: Tally, socket: ClientConnection, what: str, since: float) -> None:
    """Check that the socket closes with 4401 at the next check of sessions, and receives nothing before."""
    code: int | None = None
    try:
        left = since + SOCKET_CHECK_SECONDS + PATIENCE_SECONDS - time.monotonic()
        frame = json.loads(socket.recv(timeout=max(left, 1)))
        tally.tried(False, f"{what} received {frame}")
    except ConnectionClosed as end:
        code = end.rcvd.code if end.rcvd else None
    except TimeoutError:
        pass
    tally.tried(code == SESSION_ENDED, f"{what} is closed with {code}")


# --- The events, by the URLs that cause them ---------------------------------------------------------------------


def _sign_out(held: Belongings, office: Client) -> Answer:
    for page, browser in held.pages.items():
        area = page.split("/")[1]
        token = browser.cookies["csrftoken"]
        browser.send("POST", f"/{area}/logout/", {"csrfmiddlewaretoken": token}, form=True)
    held.client.send("POST", "/api/token/blacklist/", {"refresh": held.pairs["shop"][1]})
    return held.client.send("POST", "/api/auth/logout/", {"refreshToken": held.pairs["member"][1]})


def _change_password(held: Belongings, office: Client) -> Answer:
    body = {"oldPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    return held.client.send("POST", "/api/auth/password/change/", body)


def _reset_password(held: Belongings, office: Client) -> Answer:
    body = {"token": held.link, "password": NEW_PASSWORD, "passwordConfirm": NEW_PASSWORD}
    return held.client.send("POST", "/api/auth/reset-password/", body)


def _given_password(held: Belongings, office: Client) -> Answer:
    return office.post_form(
        f"/admin/accounts/user/{held.user.pk}/password/",
        usable_password="true", password1=NEW_PASSWORD, password2=NEW_PASSWORD,
    )  # fmt: skip


def _changed_by_office(**changes: Any) -> Callable[[Belongings, Client], Answer]:
    """Return an event that saves the admin page of the user with these changes."""

    def event(held: Belongings, office: Client) -> Answer:
        user = held.user
        fields = {
            "first_name": user.first_name, "last_name": user.last_name, "email": user.email, "phone": "",
            "role": user.role, "is_active": "on", "avatar": "", **changes,
        }  # fmt: skip
        if user.is_staff and changes.get("role") == "manager":
            fields["role"] = "technician"
        sent = {name: value for name, value in fields.items() if value is not None}
        for related in ("sessions", "devices", "referrals", "reward_entries"):
            sent |= {f"{related}-TOTAL_FORMS": "0", f"{related}-INITIAL_FORMS": "0"}
        return office.post_form(f"/admin/accounts/user/{user.pk}/change/", **sent)

    return event


def _deleted(held: Belongings, office: Client) -> None:
    """Delete the user in the database. No page can."""
    Customer.objects.filter(contact=held.user).delete()
    held.user.delete()


EVENTS: dict[str, Callable[[Belongings, Client], Answer | None]] = {
    "logout": _sign_out,
    "password change": _change_password,
    "password reset": _reset_password,
    "password given": _given_password,
    "deactivation": _changed_by_office(is_active=None),
    "role change": _changed_by_office(role="manager"),
    "deletion": _deleted,
}
