"""Promise: a spray is stopped.

One password is tried on many accounts from one address, eight at once. A case is an attempt. After `RATE_ADDRESS` of
them the answer is 429 before any hash is computed, and other addresses sign in meanwhile. An IPv6 /64 is one address.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from statistics import median

from django.contrib.auth.hashers import make_password

from accounts.models import User
from testing.live import REDIS
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.promises import Tally, Trial
from trust.sign_ins import SIGN_INS, from_address
from trust.sites import site
from trust.tables import seen_from_here

PASSWORD, WINDOW_SECONDS = "correct horse battery 9", 15 * 60
SIGN_IN = SIGN_INS["shop's tokens"]
# By name: the address of attempt n, which all count as one address.
ADDRESSES: dict[str, Callable[[int], str]] = {
    "an IPv4 address": lambda n: "198.51.100.20",
    "an IPv6 /64": lambda n: f"2001:db8:1:2:{n:x}:{n * 7919 % 65536:x}::{n + 1:x}",
    "spellings of an IPv6 address": lambda n: ("2001:DB8:9::1", "2001:db8:9:0:0::0.0.0.1")[n % 2],
    "a mapped IPv4 address": lambda n: ("198.51.100.21", "::ffff:198.51.100.21", "::FFFF:c633:6415")[n % 3],
    "ports of an IPv4 address": lambda n: f"198.51.100.22:{1024 + n}",
    "ports of an IPv6 address": lambda n: f"[2001:db8:7::{n + 1:x}]:{1024 + n}",
}
_fresh = count(1)


def spray(trial: Trial, tally: Tally) -> None:
    most = trial.size(100, 10, 5)
    for engine in trial.engines:
        redis = engine == "PostgreSQL" and bool(REDIS)
        given = {"TRUSTED_PROXIES": "1", "RATE_ADDRESS": str(most)}  # the one proxy is this trial
        with (
            site(trial, engine, redis=redis, **given) as place,
            (place.web if redis else place.embedded)() as server,
            seen_from_here(server),
        ):
            for name in list(ADDRESSES)[: trial.size(6, 6, 2)]:
                _spray(server, tally, f"{engine}, {name}", ADDRESSES[name], most)


def _spray(server: Server, tally: Tally, name: str, address: Callable[[int], str], most: int) -> None:
    attempts, round_ = 3 * most, next(_fresh)
    emails = [f"sprayed{round_}-{n}@example.com" for n in range(attempts)]
    hashed = make_password(PASSWORD, hasher="argon2")
    User.objects.bulk_create(User(email=email, password=hashed) for email in emails)
    began, is_over = time.time(), threading.Event()
    meanwhile: list[Answer] = []

    def elsewhere() -> None:
        while not is_over.is_set():
            at = from_address(f"192.0.2.{round_ % 250}")
            meanwhile.append(_once(server, emails[0], PASSWORD, at))
            time.sleep(0.2)

    other = threading.Thread(target=elsewhere)
    other.start()
    try:
        found = parallel(8, lambda thread: _share(server, emails, address, thread))
    finally:
        is_over.set()
        other.join()
    answers = [answer for share in found for answer in share]
    windows = int(time.time() // WINDOW_SECONDS) - int(began // WINDOW_SECONDS) + 1
    statuses = [answer.status for answer in answers]
    holds = most <= statuses.count(401) <= most * windows and set(statuses) == {401, 429}
    tally.tried(holds, f"{name}: {statuses.count(401)} of {attempts} were checked", cases=attempts)
    waits = [answer.headers.get("retry-after", "") for answer in answers if answer.status == 429]
    tally.tried(
        all(wait.isdigit() and 0 < int(wait) <= WINDOW_SECONDS for wait in waits), f"{name}: {waits[:3]}"
    )
    for answer in meanwhile:
        tally.tried(answer.status == 200, f"{name}: another address, meanwhile: {answer}")
    tally.tried(bool(meanwhile), f"{name}: another address did not come to sign in")
    # The right password of a sprayed account, from its owner's address.
    answer = _once(server, emails[-1], PASSWORD, from_address("192.0.2.251"))
    tally.tried(answer.status == 200, f"{name}: an account that was sprayed: {answer}")
    _no_hash(server, tally, name, address)


def _share(server: Server, emails: list[str], address: Callable[[int], str], thread: int) -> list[Answer]:
    client = Client(server.port)
    answers = [
        SIGN_IN.send(client, emails[number], "Winter2026!", **from_address(address(number)))
        for number in range(thread, len(emails), 8)
    ]
    client.close()
    return answers


def _no_hash(server: Server, tally: Tally, name: str, address: Callable[[int], str]) -> None:
    """Count a case: attempts that are refused take less than half the time of those that are checked."""
    seconds: dict[int, list[float]] = {401: [], 429: []}
    for number in range(8):
        for at in (address(number), f"203.0.113.{next(_fresh) % 250}"):
            began = time.perf_counter()
            status = _once(server, f"never{next(_fresh)}@example.com", "wrong", from_address(at)).status
            seconds.setdefault(status, []).append(time.perf_counter() - began)
    if not tally.tried(set(seconds) == {401, 429} and all(seconds.values()), f"{name}: {seconds}"):
        return
    refused, checked = (1000 * median(seconds[status]) for status in (429, 401))
    tally.tried(refused < checked / 2, f"{name}: 429 took {refused:.1f} ms, 401 took {checked:.1f} ms")
    tally.note(f"{name}: 429 took {refused:.1f} ms, 401 took {checked:.1f} ms")


def _once(server: Server, email: str, password: str, headers: dict[str, str]) -> Answer:
    client = Client(server.port)
    try:
        return SIGN_IN.send(client, email, password, **headers)
    finally:
        client.close()
