"""Promise: guessing is useless.

A thousand wrong passwords are sent from ten addresses to every sign-in endpoint at once. Responses and their timing
must not tell whether an email is registered. The servers run with the settings of a public host (hasher, rates without
`DEBUG`, mail sent by the worker) behind a proxy that reports client addresses.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

from django.contrib.auth.hashers import make_password

from accounts.models import User
from testing.live import REDIS
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.promises import Tally, Trial
from trust.sign_ins import CSRF, FORGOTTEN, SIGN_INS, collect_static_files, from_address
from trust.sites import site
from trust.tables import seen_from_here

PASSWORD = "correct horse battery 9"
WINDOW_SECONDS, MOST = 15 * 60, 10
HOME = "192.0.2.7"
STRANGERS = [f"198.51.100.{n}" for n in range(1, 11)]
# The largest deviation of the rank statistic from chance, in standard deviations: one false alarm in a million.
SIGMAS = 5
_fresh = count(1)


def guessing(trial: Trial, tally: Tally) -> None:
    if not trial.is_smoke:
        collect_static_files()
    with _embedded(trial) as server, seen_from_here(server):
        _guess(server, tally, guesses=trial.size(1000, 300, 30))
        _alike(server, tally, trials=trial.size(60, 24), endpoints=trial.size(7, 2, 0))
    if trial.is_full and REDIS:
        with _production(trial) as server, seen_from_here(server):
            _guess(server, tally, guesses=1000)
            _alike(server, tally, trials=40, endpoints=7)


@contextmanager
def _embedded(trial: Trial) -> Iterator[Server]:
    # Its one proxy is this trial. With DEBUG no static files have to be collected, and rates are 50 times as high.
    env = {"TRUSTED_PROXIES": "1", "TASK_QUEUE": "database"}
    if trial.is_smoke:
        env |= {"DEBUG": "true", "RATE_LOGIN": str(MOST)}
    with site(trial, "SQLite", **env) as place, place.embedded() as server:
        yield server


@contextmanager
def _production(trial: Trial) -> Iterator[Server]:
    with site(trial, "PostgreSQL", redis=True, TASK_QUEUE="database") as place, place.web() as server:
        yield server


def _people(*emails: str, usable: bool = True) -> None:
    hashed = make_password(PASSWORD if usable else None, hasher="argon2")
    User.objects.bulk_create(User(email=email, password=hashed) for email in emails)


# --- How many passwords are checked ---------------------------------------------------------------------------


def _guess(server: Server, tally: Tally, *, guesses: int) -> None:
    number = next(_fresh)
    owner, unknown = f"owner{number}@example.com", f"unknown{number}@example.com"
    _people(owner)
    home = Client(server.port, headers={})
    signed_in = SIGN_INS["shop's tokens"].send(home, owner, PASSWORD, **from_address(HOME))
    tally.tried(signed_in.status == 200, f"the owner at home, before: {signed_in}")
    token = signed_in.json()["access"]
    for email in (owner, unknown):
        began = time.time()
        answers = _storm(server, email, guesses, token if email == owner else "")
        windows = int(time.time() // WINDOW_SECONDS) - int(began // WINDOW_SECONDS) + 1
        tried = [answer for answer in answers if answer.status != 429]
        tally.tried(
            len(tried) <= MOST * windows,
            f"{len(tried)} of {guesses} passwords for {email} were checked",
            cases=guesses,
        )
        tally.tried(len(tried) >= MOST, f"only {len(tried)} passwords for {email} were checked")
        for answer in answers:
            if answer.status == 429:
                waits = answer.headers.get("retry-after", "")
                tally.tried(
                    waits.isdigit() and 0 < int(waits) <= WINDOW_SECONDS, f"429 without Retry-After: {answer}"
                )
            else:
                tally.tried(answer.status in (200, 400, 401), f"a wrong password: {answer}")
    for name, sign_in in SIGN_INS.items():
        if name != "admin":  # the owner is not staff
            answer = sign_in.send(home, owner, PASSWORD, **from_address(HOME))
            tally.tried(
                sign_in.is_accepted(answer),
                f"the owner at home, at {name}, during the guesses: {answer}",
            )
        answer = sign_in.send(home, owner, PASSWORD, **from_address("203.0.113.9"))
        tally.tried(
            answer.status == 429,
            f"the right password from a new address, at {name}, after the guesses: {answer}",
        )
        of_unknown = sign_in.send(home, unknown, PASSWORD, **from_address("203.0.113.9"))
        same = _identifying_parts(answer, owner) == _identifying_parts(of_unknown, unknown)
        tally.tried(same, f"429 of known and unknown at {name} differ: {answer} / {of_unknown}")
    at_home = [
        SIGN_INS["shop's tokens"].send(home, owner, "wrong", **from_address(HOME)) for _ in range(3 * MOST)
    ]
    tried = [answer for answer in at_home if answer.status != 429]
    tally.tried(len(tried) <= 2 * MOST, f"{len(tried)} passwords from home were checked", cases=len(at_home))


def _storm(server: Server, email: str, guesses: int, token: str) -> list[Answer]:
    """Guess at every sign-in endpoint in turn, eight at once.

    A stolen token also guesses at the old password of a password change.
    """
    sign_ins = list(SIGN_INS.values())

    def one(thread: int) -> list[Answer]:
        client, answers = Client(server.port), []
        for number in range(thread, guesses, 8):
            headers = from_address(STRANGERS[number % len(STRANGERS)])
            which = number % (len(sign_ins) + bool(token))
            if which == len(sign_ins):
                body = {"oldPassword": f"wrong {number}", "newPassword": "an entirely new one 31"}
                bearer = {"Authorization": f"Bearer {token}"}
                answers.append(client.send("POST", "/api/auth/password/change/", body, **headers, **bearer))
            else:
                answers.append(sign_ins[which].send(client, email, f"wrong {number}", **headers))
        client.close()
        return answers

    found = parallel(8, one)
    assert all(isinstance(answers, list) for answers in found), found
    return [answer for answers in found for answer in answers]


# --- Whether an email is registered -----------------------------------------------------------------------------


def _identifying_parts(answer: Answer, email: str) -> tuple[int, str, tuple[str, ...]]:
    """Return the parts of a response that could identify the email, without random and time-dependent text."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", answer.text.replace(email, "…"))
    names = tuple(sorted(name for name in answer.headers if name != "retry-after"))
    return answer.status, re.sub(r"\d+ (seconds|minutes)", "…", text), names


Request = Callable[[Client, str, dict[str, str]], Answer]


def _requests() -> dict[str, Request]:
    """Return every endpoint that takes an email, by name."""
    found: dict[str, Request] = {
        name: lambda client, email, headers, one=sign_in: one.send(client, email, "wrong", **headers)
        for name, sign_in in SIGN_INS.items()
    }

    def forgotten(client: Client, email: str, headers: dict[str, str]) -> Answer:
        return client.send("POST", FORGOTTEN[0], {"email": email}, **headers)

    def forgotten_page(client: Client, email: str, headers: dict[str, str]) -> Answer:
        client.cookies = {"csrftoken": CSRF}
        fields = {"csrfmiddlewaretoken": CSRF, "email": email}
        return client.send("POST", FORGOTTEN[1], fields, form=True, Referer="https://localhost/", **headers)

    return {"a forgotten password": forgotten, **found, "a forgotten password's page": forgotten_page}


def _alike(server: Server, tally: Tally, *, trials: int, endpoints: int) -> None:
    """Compare responses and times for registered, walk-in (no password) and unknown emails, in random order."""
    client, chance = Client(server.port), random.Random(7)
    for name, ask in list(_requests().items())[:endpoints]:
        number = next(_fresh)
        emails = {
            kind: [f"{kind}{n:03}x{number:03}@example.com" for n in range(trials)]
            for kind in ("known", "walks", "never")
        }
        _people(*emails["known"])
        _people(*emails["walks"], usable=False)
        seconds: dict[str, list[float]] = {kind: [] for kind in emails}
        for n in range(trials):
            answers = {}
            for kind in chance.sample(sorted(emails), 3):
                headers = from_address(f"10.{number % 250}.{n % 250}.{chance.randrange(1, 250)}")
                began = time.perf_counter()
                answer = ask(client, emails[kind][n], headers)
                seconds[kind].append(time.perf_counter() - began)
                answers[kind] = _identifying_parts(answer, emails[kind][n])
            holds = answers["known"] == answers["never"] == answers["walks"]
            tally.tried(holds, f"{name} tells whether an email is registered: {answers}"[:800], cases=3)
        for kind in ("known", "walks"):
            _same_time(tally, f"{name}, {kind}", seconds[kind], seconds["never"])


def _same_time(tally: Tally, name: str, known: list[float], unknown: list[float]) -> None:
    """Count a case: registered and unknown emails are equally slow (Mann-Whitney U test)."""
    slower = sum((a > b) + 0.5 * (a == b) for a in known for b in unknown) / (len(known) * len(unknown))
    sigma = math.sqrt((len(known) + len(unknown) + 1) / (12 * len(known) * len(unknown)))
    assert 0.5 / sigma > SIGMAS, "too few trials: even times that never overlap would pass"
    apart = (slower - 0.5) / sigma
    figures = f"{1000 * median(known):.1f} ms against {1000 * median(unknown):.1f} ms for unknown, {apart:+.1f} sigma"
    tally.tried(
        abs(apart) <= SIGMAS, f"response times tell whether an email is registered: {name}: {figures}"
    )
    tally.note(f"{name}: {figures}")
