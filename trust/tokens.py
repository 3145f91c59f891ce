"""Tokens end: whatever let somebody in is worth nothing a second after the sign-out, the new password or the dismissal.

Each person holds what every door gives - a pair of tokens of each contract, a session of the portal's pages and of the
admin's, a mailed link, a ticket for a socket, open sockets - and loses all of it by one event.
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
from trust.people import PASSWORD, let_in, person
from trust.promises import ENGINES, Tally, Trial
from trust.tables import seen_from_here

# Where tokens are given: the address, and the path to both in the answer.
DOORS = {
    "shop": ("/api/token/", lambda body: (body["access"], body["refresh"])),
    "member": ("/api/auth/login/", lambda body: (body["accessToken"], body["refreshToken"])),
    "care": ("/auth/login", lambda body: (body["access_token"], body["refresh_token"])),
}
# Where an access token opens something: for a customer, and for staff.
OPENS = {
    "customer": (
        "/api/shop/vehicles/customers/me/vehicles/", "/api/vehicles/", "/api/v1/customer/dashboard",
        "/api/v1/customers/profile/", "/api/chat/threads/",
    ),
    "staff": ("/api/shop/vehicles/", "/api/v1/customers/", "/api/chat/threads/"),
}  # fmt: skip
REFRESHES = {"/api/token/refresh/": "refresh", "/api/auth/refresh/": "refreshToken"}
NEW_PASSWORD = "an entirely new one 31"
SOCKET_CHECK_SECONDS = 2
SESSION_ENDED = 4401
PATIENCE_SECONDS = 20  # of a busy machine; the promise is a minute, at a look every half


@dataclass
class Belongings:
    """What one person holds."""

    user: User
    client: Client
    pairs: dict[str, tuple[str, str]]  # door -> access, refresh
    link: str
    ticket: str
    pages: dict[str, Client]  # a page -> the browser that may see it
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


# --- One refresh token, many at once -------------------------------------------------------------------------


def _try_rotation(server: Server, tally: Tally, *, rounds: int) -> None:
    """Fifty at once: one at most is given new tokens; and whoever comes with the old one again ends the session."""
    user = _customer("rita@example.com")
    let_in()
    for number in range(rounds):
        refresh = _sign_in(server, "shop", user)[1]
        answers = parallel(50, lambda _, sent=refresh: _refresh(server, sent))
        statuses = [answer.status if isinstance(answer, Answer) else repr(answer) for answer in answers]
        given = [answer.json() for answer in answers if isinstance(answer, Answer) and answer.status == 200]
        tally.tried(len(given) <= 1, f"{len(given)} of 50 parallel refreshes were given tokens", cases=50)
        tally.tried(set(statuses) <= {200, 401}, f"parallel refreshes answered {set(statuses)}", cases=50)
        for body in given:
            answer = Client(server.port, body["access"]).send("GET", OPENS["customer"][0])
            tally.tried(
                answer.status == 401, f"round {number}: a session whose token came twice lives: {answer}"
            )
            answer = _refresh(server, body["refresh"])
            tally.tried(answer.status == 401, f"round {number}: its new refresh token is good: {answer}")
    # One after the other, each is good once.
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
        client.hang_up()


# --- What ends everything ------------------------------------------------------------------------------------


def _try_events(server: Server, tally: Tally, *, number: int) -> None:
    root = person("root@shop.example", role="admin", is_superuser=True)
    owners = {
        (name, kind): _customer(f"{name}@example.com".replace(" ", "-")) if kind == "customer"
        else person(f"{name}@shop.example".replace(" ", "-"), role="advisor")
        for name in list(EVENTS)[:number]
        for kind in ("customer", "staff")
    }  # fmt: skip
    let_in()
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


def _sign_in(server: Server, door: str, user: User) -> tuple[str, str]:
    path, found_in = DOORS[door]
    answer = Client(server.port).send("POST", path, {"email": user.email, "password": PASSWORD})
    assert answer.status == 200, (door, answer)
    return found_in(answer.json())  # type: ignore[no-untyped-call, no-any-return]


def _collect(server: Server, user: User) -> Belongings:
    pairs = {door: _sign_in(server, door, user) for door in DOORS}
    client = Client(server.port, pairs["shop"][0])
    doors = {"/admin/": "/admin/login/"} if user.is_staff else {"/customer/dashboard/": "/customer/login/"}
    pages = {
        page: Client(server.port).sign_in_to_pages(user.email or "", PASSWORD, door)
        for page, door in doors.items()
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
    user.refresh_from_db()  # the link is signed over the last sign-in
    held = Belongings(user, client, pairs, reset_token(user), tickets[1], pages)
    held.sockets = [_socket(server.port, query) for query in queries]
    return held


def _socket(port: int, query: str) -> ClientConnection:
    return connect(f"ws://localhost:{port}/chat/ws?{query}", compression=None)


def _asked(held: Belongings) -> list[tuple[str, Answer, set[int]]]:
    """Everything that is held, shown once: what it is, the answer, and the statuses of one that is worth nothing."""
    port = held.client.port
    asked = []
    for door, (access, refresh) in held.pairs.items():
        for path in OPENS[held.kind]:
            asked.append((f"{door}'s access token at {path}", Client(port, access).send("GET", path), {401}))
        verified = Client(port).send("POST", "/api/token/verify/", {"token": access})
        asked.append((f"{door}'s access token verified", verified, {401}))
        if refresh:
            verified = Client(port).send("POST", "/api/token/verify/", {"token": refresh})
            asked.append((f"{door}'s refresh token verified", verified, {401}))
    for page, browser in held.pages.items():
        asked.append((f"a browser at {page}", browser.send("GET", page), {302}))
    return asked


def _all_good(tally: Tally, held: Belongings, what: str) -> None:
    for name, answer, _ in _asked(held):
        tally.tried(answer.status == 200, f"before {what}: {name}: {answer}")


def _all_ended(tally: Tally, held: Belongings, what: str, over: float) -> None:
    port = held.client.port
    asked = _asked(held)
    for door, (_, refresh) in held.pairs.items():
        for path, name in REFRESHES.items() if refresh else ():
            answer = Client(port).send("POST", path, {name: refresh})
            asked.append((f"{door}'s refresh token at {path}", answer, {401}))
    body = {"token": held.link, "password": NEW_PASSWORD, "passwordConfirm": NEW_PASSWORD}
    asked.append(("a mailed link", Client(port).send("POST", "/api/auth/reset-password/", body), {400}))
    for name, answer, refusal in asked:
        if name == "a mailed link" and what.startswith("role change"):
            continue  # it proves that the mailbox is his, whatever he is
        tally.tried(answer.status in refusal, f"after {what}: {name}: {answer}")
    fresh = [f"token={held.pairs['shop'][0]}", f"ticket={held.ticket}"]
    for query in fresh:
        with _socket(port, query) as socket:
            _closes(tally, socket, f"after {what}: a new socket by {query[:6]}", time.monotonic())
    for number, socket in enumerate(held.sockets):
        _closes(tally, socket, f"after {what}: open socket {number}", over)


def _one_sign_in_ended(tally: Tally, held: Belongings, what: str, over: float) -> None:
    """Signing out ends that sign-in, at both doors that know it, and no other."""
    ended = {"shop", "member"}
    for name, answer, refusal in _asked(held):
        is_ended = name.split("'")[0] in ended or name.startswith("a browser")
        tally.tried(answer.status in (refusal if is_ended else {200}), f"after {what}: {name}: {answer}")
    for door in ended:
        for path, name in REFRESHES.items():
            answer = Client(held.client.port).send("POST", path, {name: held.pairs[door][1]})
            tally.tried(answer.status == 401, f"after {what}: {door}'s refresh token at {path}: {answer}")
    for number, socket in enumerate(held.sockets):  # each was opened by a sign-in that ended
        _closes(tally, socket, f"after {what}: open socket {number}", over)


def _closes(tally: Tally, socket: ClientConnection, what: str, since: float) -> None:
    """With 4401, when sessions are looked at again; nothing is heard until then."""
    code: int | None = None
    try:
        left = since + SOCKET_CHECK_SECONDS + PATIENCE_SECONDS - time.monotonic()
        heard = json.loads(socket.recv(timeout=max(left, 1)))
        tally.tried(False, f"{what} hears {heard}")
    except ConnectionClosed as end:
        code = end.rcvd.code if end.rcvd else None
    except TimeoutError:
        pass
    tally.tried(code == SESSION_ENDED, f"{what} is closed with {code}")


# --- The events, by their real addresses ---------------------------------------------------------------------


def _sign_out(held: Belongings, office: Client) -> Answer:
    for page, browser in held.pages.items():
        door = page.split("/")[1]
        token = browser.cookies["csrftoken"]
        browser.send("POST", f"/{door}/logout/", {"csrfmiddlewaretoken": token}, form=True)
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


def _changed_by_office(**wishes: Any) -> Callable[[Belongings, Client], Answer]:
    """The admin's page of a person, sent as it stands but for the wishes."""

    def event(held: Belongings, office: Client) -> Answer:
        user = held.user
        fields = {
            "first_name": user.first_name, "last_name": user.last_name, "email": user.email, "phone": "",
            "role": user.role, "is_active": "on", "avatar": "", **wishes,
        }  # fmt: skip
        if user.is_staff and wishes.get("role") == "manager":
            fields["role"] = "technician"
        sent = {name: value for name, value in fields.items() if value is not None}
        for related in ("sessions", "devices", "referrals", "reward_entries"):
            sent |= {f"{related}-TOTAL_FORMS": "0", f"{related}-INITIAL_FORMS": "0"}
        return office.post_form(f"/admin/accounts/user/{user.pk}/change/", **sent)

    return event


def _deleted(held: Belongings, office: Client) -> None:
    """No page deletes a person; whoever keeps the database may."""
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
