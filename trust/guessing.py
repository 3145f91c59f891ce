"""Guessing is useless: a thousand wrong passwords from ten addresses, at every door at once; who is known is not told.

The servers run as on a public host - the product's own hasher, rates as they are without `DEBUG`, mail left to the
worker - behind a proxy that says where a request comes from.
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
from trust.doors import DOORS, FORGERY, FORGOTTEN, collect_static_files, from_address
from trust.promises import Tally, Trial
from trust.sites import site
from trust.tables import seen_from_here

PASSWORD = "correct horse battery 9"
WINDOW_SECONDS, MOST = 15 * 60, 10
HOME = "192.0.2.7"
STRANGERS = [f"198.51.100.{n}" for n in range(1, 11)]
# How far a rank statistic may be from chance, in standard deviations: one false alarm in a million.
SIGMAS = 5
_fresh = count(1)


def guessing(trial: Trial, tally: Tally) -> None:
    if not trial.is_smoke:
        collect_static_files()
    with _embedded(trial) as server, seen_from_here(server):
        _guess(server, tally, guesses=trial.size(1000, 300, 30))
        _alike(server, tally, trials=trial.size(60, 24), doors=trial.size(7, 2, 0))
    if trial.is_full and REDIS:
        with _production(trial) as server, seen_from_here(server):
            _guess(server, tally, guesses=1000)
            _alike(server, tally, trials=40, doors=7)


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


# --- How many guesses are tried ---------------------------------------------------------------------------


def _guess(server: Server, tally: Tally, *, guesses: int) -> None:
    number = next(_fresh)
    owner, nobody = f"owner{number}@example.com", f"nobody{number}@example.com"
    _people(owner)
    home = Client(server.port, headers={})
    let_in = DOORS["shop's tokens"].knock(home, owner, PASSWORD, **from_address(HOME))
    tally.tried(let_in.status == 200, f"the owner at home, before: {let_in}")
    token = let_in.json()["access"]
    for email in (owner, nobody):
        began = time.time()
        answers = _storm(server, email, guesses, token if email == owner else "")
        windows = int(time.time() // WINDOW_SECONDS) - int(began // WINDOW_SECONDS) + 1
        tried = [answer for answer in answers if answer.status != 429]
        tally.tried(
            len(tried) <= MOST * windows,
            f"{len(tried)} of {guesses} guesses at {email} were tried",
            cases=guesses,
        )
        tally.tried(len(tried) >= MOST, f"only {len(tried)} guesses at {email} were answered at all")
        for answer in answers:
            if answer.status == 429:
                waits = answer.headers.get("retry-after", "")
                tally.tried(
                    waits.isdigit() and 0 < int(waits) <= WINDOW_SECONDS, f"429 without Retry-After: {answer}"
                )
            else:
                tally.tried(answer.status in (200, 400, 401), f"a wrong password: {answer}")
    for name, door in DOORS.items():
        if name != "admin":  # he is no staff
            answer = door.knock(home, owner, PASSWORD, **from_address(HOME))
            tally.tried(
                door.let_in(answer), f"the owner at home, at {name}, while he is guessed at: {answer}"
            )
        answer = door.knock(home, owner, PASSWORD, **from_address("203.0.113.9"))
        tally.tried(
            answer.status == 429, f"the right password elsewhere, at {name}, after so many guesses: {answer}"
        )
        nobodys = door.knock(home, nobody, PASSWORD, **from_address("203.0.113.9"))
        same = _told(answer, owner) == _told(nobodys, nobody)
        tally.tried(same, f"429 of known and unknown at {name} differ: {answer} / {nobodys}")
    at_home = [
        DOORS["shop's tokens"].knock(home, owner, "wrong", **from_address(HOME)) for _ in range(3 * MOST)
    ]
    tried = [answer for answer in at_home if answer.status != 429]
    tally.tried(len(tried) <= 2 * MOST, f"{len(tried)} guesses from home were tried", cases=len(at_home))


def _storm(server: Server, email: str, guesses: int, token: str) -> list[Answer]:
    """At every door in turn, eight at once; with a stolen token also where the old password is asked for."""
    doors = list(DOORS.values())

    def one(thread: int) -> list[Answer]:
        client, answers = Client(server.port), []
        for number in range(thread, guesses, 8):
            headers = from_address(STRANGERS[number % len(STRANGERS)])
            which = number % (len(doors) + bool(token))
            if which == len(doors):
                body = {"oldPassword": f"wrong {number}", "newPassword": "an entirely new one 31"}
                bearer = {"Authorization": f"Bearer {token}"}
                answers.append(client.send("POST", "/api/auth/password/change/", body, **headers, **bearer))
            else:
                answers.append(doors[which].knock(client, email, f"wrong {number}", **headers))
        client.hang_up()
        return answers

    found = parallel(8, one)
    assert all(isinstance(answers, list) for answers in found), found
    return [answer for answers in found for answer in answers]


# --- Whether somebody is known -----------------------------------------------------------------------------


def _told(answer: Answer, email: str) -> tuple[int, str, tuple[str, ...]]:
    """What an answer tells, without what is another every time."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", answer.text.replace(email, "…"))
    names = tuple(sorted(name for name in answer.headers if name != "retry-after"))
    return answer.status, re.sub(r"\d+ (seconds|minutes)", "…", text), names


Asking = Callable[[Client, str, dict[str, str]], Answer]


def _asking() -> dict[str, Asking]:
    """Every place where an email is asked for, by name."""
    found: dict[str, Asking] = {
        name: lambda client, email, headers, door=door: door.knock(client, email, "wrong", **headers)
        for name, door in DOORS.items()
    }

    def forgotten(client: Client, email: str, headers: dict[str, str]) -> Answer:
        return client.send("POST", FORGOTTEN[0], {"email": email}, **headers)

    def forgotten_page(client: Client, email: str, headers: dict[str, str]) -> Answer:
        client.cookies = {"csrftoken": FORGERY}
        fields = {"csrfmiddlewaretoken": FORGERY, "email": email}
        return client.send("POST", FORGOTTEN[1], fields, form=True, Referer="https://localhost/", **headers)

    return {"a forgotten password": forgotten, **found, "a forgotten password's page": forgotten_page}


def _alike(server: Server, tally: Tally, *, trials: int, doors: int) -> None:
    """Known, walked in (known, without a password) and unknown, in an order of chance."""
    client, chance = Client(server.port), random.Random(7)
    for name, ask in list(_asking().items())[:doors]:
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
                answers[kind] = _told(answer, emails[kind][n])
            holds = answers["known"] == answers["never"] == answers["walks"]
            tally.tried(holds, f"{name} tells who is known: {answers}"[:800], cases=3)
        for kind in ("known", "walks"):
            _same_time(tally, f"{name}, {kind}", seconds[kind], seconds["never"])


def _same_time(tally: Tally, name: str, known: list[float], unknown: list[float]) -> None:
    """A case: of two answers the one to somebody known is the slower as often as not (Mann and Whitney's U)."""
    slower = sum((a > b) + 0.5 * (a == b) for a in known for b in unknown) / (len(known) * len(unknown))
    sigma = math.sqrt((len(known) + len(unknown) + 1) / (12 * len(known) * len(unknown)))
    assert 0.5 / sigma > SIGMAS, "too few trials: even times that never overlap would pass"
    apart = (slower - 0.5) / sigma
    figures = (
        f"{1000 * median(known):.1f} ms against {1000 * median(unknown):.1f} ms of nobody, {apart:+.1f} sigma"
    )
    tally.tried(abs(apart) <= SIGMAS, f"time tells who is known: {name}: {figures}")
    tally.note(f"{name}: {figures}")
