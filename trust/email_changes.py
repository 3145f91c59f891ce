"""Promise: a stolen email comes back.

A thief with stolen tokens changes a user's email, confirms it, resets the password and refreshes, all while the owner
follows the link that was mailed to the old address. A case is a request or a fact that is checked. In the end the old
address signs in, and nothing of the thief's does. The link works for 72 hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from urllib.parse import urlsplit

from django.db.models import F
from django.utils import timezone

from accounts.models import EmailChange, Session, User
from testing import factories
from testing.inbox import Inbox, link_of
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.people import PASSWORD, set_passwords
from trust.promises import Tally, Trial
from trust.sign_ins import CSRF, FORGOTTEN
from trust.tables import seen_from_here

CHANGE, RESET = "/api/auth/profile/update/", "/api/auth/reset-password/"
UNDO, CONFIRM = "/customer/email/undo/", "/customer/email/confirm/"
COOKIES = {UNDO: "email_undo", CONFIRM: "email_confirm"}
LIFETIME = timedelta(hours=72)
THIEFS_PASSWORD = "an entirely new one 31"
_fresh = count(1)


@dataclass
class Theft:
    """A user whose tokens are stolen, and the addresses of the thief."""

    server: Server
    inbox: Inbox
    tally: Tally
    user: User = field(init=False)
    number: int = field(default_factory=lambda: next(_fresh))

    def __post_init__(self) -> None:
        self.owner, self.thief = f"owner{self.number}@example.com", f"thief{self.number}@evil.example"
        self.user = factories.CustomerFactory(
            contact=factories.UserFactory(email=self.owner, password=PASSWORD)
        ).contact
        set_passwords()
        answer = self.post("/api/token/", {"email": self.owner, "password": PASSWORD})
        assert answer.status == 200, answer
        self.access, self.refresh = answer.json()["access"], answer.json()["refresh"]

    def post(self, path: str, body: dict[str, str], method: str = "POST", token: str = "") -> Answer:
        client = Client(self.server.port, token, headers={"Host": "localhost"})
        try:
            return client.send(method, path, body)
        finally:
            client.close()

    def change(self, email: str) -> Answer:
        return self.post(CHANGE, {"email": email}, "PATCH", self.access)

    def refreshed(self) -> Answer:
        return self.post("/api/token/refresh/", {"refresh": self.refresh})

    def forgot(self, email: str) -> Answer:
        return self.post(FORGOTTEN[0], {"email": email})

    def follow(self, page: str, link: str) -> Answer:
        """Press the button of the page that a mailed link opens."""
        token = urlsplit(link).query.partition("=")[2]
        client = Client(self.server.port, headers={"Host": "localhost"})
        client.cookies = {"csrftoken": CSRF, COOKIES[page]: token}
        try:
            return client.send("POST", page, {"csrfmiddlewaretoken": CSRF}, form=True)
        finally:
            client.close()

    def link(self, address: str, page: str, number: int = 1) -> str:
        """Return the newest link to that page in the address's mails, when `number` mails have come."""
        came = self.inbox.wait_for(number, address)
        self.tally.tried(came, f"{address} got {len(self.inbox.to(address))} of {number} mails")
        links = [link for mail in self.inbox.to(address) if urlsplit(link := link_of(mail)).path == page]
        return links[-1] if links else ""

    def steal(self) -> str:
        """Change the email with the stolen token, and return the link to undo it."""
        answer = self.change(self.thief)
        self.tally.tried(answer.status == 200 and answer.json()["email"] == self.thief, f"a change: {answer}")
        link = self.link(self.owner, UNDO)
        self.tally.tried(bool(link), f"{self.owner} was not told")
        return link

    def came_back(self, name: str) -> None:
        """Count cases: the account is the owner's again, and nothing of the thief's is valid."""
        user = User.objects.get(pk=self.user.pk)
        facts = {
            "the email": (user.email, user.confirmed_email) == (self.owner, None),
            "the password": not user.has_usable_password(),
            "the sessions": not Session.objects.living().filter(user=user).exists(),
            "the access token": self.post("/api/token/verify/", {"token": self.access}).status == 401,
            "the stolen token's change": self.change(f"again-{self.thief}").status == 401,
            "the refresh token": self.refreshed().status == 401,
        }
        for email in (self.owner, self.thief):
            for password in (PASSWORD, THIEFS_PASSWORD):
                answer = self.post("/api/token/", {"email": email, "password": password})
                facts[f"{email} with {password}"] = answer.status == 401
        for fact, holds in facts.items():
            self.tally.tried(holds, f"{name}: after the undo, {fact}: {user.email}, {user.confirmed_email}")


def email_changes(trial: Trial, tally: Tally) -> None:
    env = {"RATE_EMAIL_CHANGES": "1000000", "RATE_REGISTER": "1000000"}
    for engine in trial.engines:
        with (
            Inbox() as inbox,
            trial.server(engine, demo=False, EMAIL_URL=inbox.url, **env) as server,
            seen_from_here(server),
        ):
            for race in RACES.values():
                for _ in range(trial.size(15, 2, 1)):
                    race(Theft(server, inbox, tally))
            _window(server, inbox, tally)


def _unconfirmed(theft: Theft) -> None:
    """The thief has the new address only. Reset mails go to the old one."""
    link = theft.steal()
    for email in (theft.owner, theft.thief):
        theft.tally.tried(theft.forgot(email).status == 202, f"a forgotten password of {email}")
    theft.inbox.wait_for(3, theft.owner)
    resets = [mail for mail in theft.inbox.messages if str(theft.number) in str(mail["To"])]
    found = {str(mail["To"]) for mail in resets if mail["Subject"] == "Your new password"}
    theft.tally.tried(found == {theft.owner}, f"reset mails of an unconfirmed change went to {found}")
    _storm(theft, link, "unconfirmed", [])


def _confirmed(theft: Theft) -> None:
    """The thief confirms the new address and has a link to reset the password in hand."""
    link = theft.steal()
    confirm = theft.link(theft.thief, CONFIRM)
    answer = theft.follow(CONFIRM, confirm)
    theft.tally.tried(answer.status == 200, f"the new address confirms: {answer.status}")
    theft.forgot(theft.thief)
    reset = theft.link(theft.thief, "/reset-password", 2)
    theft.tally.tried(bool(reset), "a confirmed address gets no reset link")
    body = {"token": urlsplit(reset).query.partition("=")[2], "newPassword": THIEFS_PASSWORD}
    _storm(theft, link, "confirmed", [lambda: theft.post(RESET, body)])


def _confirming(theft: Theft) -> None:
    """The thief confirms the new address while the owner undoes."""
    link = theft.steal()
    confirm = theft.link(theft.thief, CONFIRM)
    _storm(theft, link, "confirming", [lambda: theft.follow(CONFIRM, confirm)])


def _chained(theft: Theft) -> None:
    """The thief changes the email again and again before the owner undoes the first change."""
    link = theft.steal()
    for number in range(3):
        theft.change(f"next{number}-{theft.thief}")
    _storm(theft, link, "chained", [])


RACES: dict[str, Callable[[Theft], None]] = {
    "unconfirmed": _unconfirmed,
    "confirmed": _confirmed,
    "confirming": _confirming,
    "chained": _chained,
}


def _storm(theft: Theft, link: str, name: str, more: list[Callable[[], Answer]]) -> None:
    """Follow the link to undo at the same time as the thief's requests."""
    thief: list[Callable[[], Answer]] = [
        *more,
        *more,
        lambda: theft.change(f"more-{theft.thief}"),
        lambda: theft.change(theft.thief),
        lambda: theft.change(theft.owner),
        theft.refreshed,
        theft.refreshed,
        lambda: theft.forgot(theft.thief),
        lambda: theft.post("/api/token/", {"email": theft.owner, "password": PASSWORD}),
        lambda: theft.post("/api/token/", {"email": theft.owner, "password": THIEFS_PASSWORD}),
    ]
    moves = [lambda: theft.follow(UNDO, link), *thief]
    answers = parallel(len(moves), lambda number: moves[number]())
    assert all(isinstance(answer, Answer) for answer in answers), answers
    undone, others = answers[0], answers[1:]
    theft.tally.tried(undone.status == 302, f"{name}: the undo: {undone.status}")
    for answer in others:
        theft.tally.tried(answer.status < 500, f"{name}: the thief's request: {answer}")
    theft.came_back(name)
    # The links that the thief's requests caused do nothing.
    time.sleep(0.3)
    for mail in theft.inbox.to(theft.thief):
        path = urlsplit(link_of(mail)).path
        if path in COOKIES:
            theft.tally.tried(theft.follow(path, link_of(mail)).status == 400, f"{name}: {path} of the thief")
        elif path:
            token = urlsplit(link_of(mail)).query.partition("=")[2]
            answer = theft.post(RESET, {"token": token, "newPassword": THIEFS_PASSWORD})
            theft.tally.tried(answer.status == 400, f"{name}: a reset link of the thief: {answer}")
    theft.came_back(f"{name}, later")


def _window(server: Server, inbox: Inbox, tally: Tally) -> None:
    """Count cases: the link works for 72 hours, and not longer."""
    for age, expected in ((LIFETIME - timedelta(minutes=1), 302), (LIFETIME, 400)):
        theft = Theft(server, inbox, tally)
        link = theft.steal()
        rows = EmailChange.objects.filter(user=theft.user)
        tally.tried(rows.get().expires_at - rows.get().created_at == LIFETIME, "the lifetime of a link")
        rows.update(created_at=F("created_at") - age, expires_at=F("expires_at") - age)
        tally.tried(rows.get().created_at < timezone.now() - age, "the change is not older")
        answer = theft.follow(UNDO, link)
        tally.tried(answer.status == expected, f"an undo {age} after the change: {answer.status}")
