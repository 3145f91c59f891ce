"""Promise: no address can be forged.

Wrong sign-ins come from one network address with every header that names another one: to the embedded server without a
proxy, through one nginx, and through two. A case is an attempt. An address gets `RATE_ADDRESS` of them, whatever it
claims to be, and the address that it claims to be can still sign in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import count

from testing.live import ALICE, REDIS
from testing.servers import NGINX, proxy
from trust.promises import Tally, Trial
from trust.sign_ins import SIGN_INS
from trust.sites import Site, site

WINDOW_SECONDS, MOST, MORE = 15 * 60, 3, 2
VICTIM = "127.0.0.99"
Headers = list[tuple[str, str]]
_XFF = "X-Forwarded-For"
_fresh = count(1)


def forgeries(claimed: str, other: str) -> dict[str, Headers]:
    """Return the headers that claim an address, by name. `other` differs with each attempt."""
    return {
        "X-Forwarded-For": [(_XFF, claimed)],
        "two headers": [(_XFF, other), (_XFF, claimed)],
        "an underscore": [("X_Forwarded_For", claimed)],
        "both spellings": [(_XFF, other), ("X_Forwarded_For", claimed), ("x_forwarded-for", claimed)],
        "a hop-by-hop name": [(_XFF, claimed), ("Connection", f"close, {_XFF}")],
        "a list": [(_XFF, f"{other}, {claimed}, {other}, {claimed}")],
        "empty entries": [(_XFF, f",{claimed}, ,, "), (_XFF, "")],
        "lower case": [("x-forwarded-for", claimed)],
        "Forwarded": [("Forwarded", f'for={claimed};proto=https, for="[2001:db8::1]:443"')],
        "other proxies": [
            (name, claimed)
            for name in ("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Remote-Addr")
        ],
        "an IPv6 address": [(_XFF, f"2001:db8:{next(_fresh):x}::1")],
        "a mapped address": [(_XFF, f"::ffff:{claimed}")],
        "brackets and a port": [(_XFF, f"[2001:db8:{next(_fresh):x}::1]:443")],
        "a port": [(_XFF, f"{claimed}:{4000 + next(_fresh)}")],
        "no address": [(_XFF, f"unknown-{other}")],
        "many": [(_XFF, ", ".join([claimed] * 200))],
    }


def forged_addresses(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        redis = bool(REDIS) and not trial.is_smoke  # several processes count together in Redis only
        with site(trial, engine, redis=redis, RATE_ADDRESS=str(MOST), RATE_LOGIN="1000000") as place:
            for depth in range(trial.size(3, 3, 2)):
                if depth and not NGINX:
                    tally.note("nginx is not installed: proxies were not tried")
                    break
                with _behind(place, depth, embedded=not redis) as port:
                    kinds = list(forgeries(VICTIM, ""))[: trial.size(100, 100, 5)]
                    _attack(port, tally, f"{engine}, {depth} proxies", kinds, network=f"127.0.{depth + 1}")


@contextmanager
def _behind(place: Site, depth: int, *, embedded: bool) -> Iterator[int]:
    """Start a server and `depth` proxies before it, and yield the port of the first."""
    place = replace(place, env=place.env | {"TRUSTED_PROXIES": str(depth)})
    with ExitStack() as stack:
        port = stack.enter_context(place.embedded() if embedded or not depth else place.web()).port
        for number in range(depth):
            folder = place.folder / f"proxy-{depth}-{number}"
            folder.mkdir()
            port = stack.enter_context(proxy(port, port, folder=folder))
        yield port


def _attack(port: int, tally: Tally, name: str, kinds: list[str], *, network: str) -> None:
    for number, kind in enumerate(kinds, 1):
        _guess(port, tally, f"{name}, {kind}", source=f"{network}.{number}", kinds=[kind] * (MOST + MORE))
    # An embedded server may trust the machine itself more than others.
    _guess(port, tally, f"{name}, each in turn", source="127.0.0.1", kinds=kinds)
    status = _sign_in(port, VICTIM, ALICE["email"], ALICE["password"])
    tally.tried(status == 200, f"{name}: the address that was claimed is locked out: {status}")


def _guess(port: int, tally: Tally, name: str, *, source: str, kinds: list[str]) -> None:
    began = time.time()
    statuses = []
    for number, kind in enumerate(kinds):
        claimed = VICTIM if number % 2 else f"198.51.100.{next(_fresh) % 250}"
        headers = forgeries(claimed, f"203.0.113.{next(_fresh) % 250}")[kind]
        statuses.append(_sign_in(port, source, f"stranger{next(_fresh)}@example.com", "wrong", headers))
    windows = int(time.time() // WINDOW_SECONDS) - int(began // WINDOW_SECONDS) + 1
    checked = statuses.count(401)
    holds = MOST <= checked <= MOST * windows and set(statuses) <= {401, 429}
    tally.tried(holds, f"{name}: {statuses}, {MOST} may be checked", cases=len(statuses))


def _sign_in(port: int, source: str, email: str, password: str, headers: Headers | None = None) -> int:
    """Sign in from that address and return the status."""
    line = HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    body = json.dumps({"email": email, "password": password}).encode()
    line.putrequest("POST", SIGN_INS["shop's tokens"].path, skip_host=True, skip_accept_encoding=True)
    given = [("Host", "localhost"), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    for header, value in [*given, *(headers or [])]:
        line.putheader(header, value)
    try:
        line.endheaders(body)
        return line.getresponse().status
    finally:
        line.close()
