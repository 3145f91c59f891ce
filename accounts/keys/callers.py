"""Find the caller of an API key."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network

from django.db import DatabaseError
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from accounts.keys.actions import MARK, hash_of
from accounts.keys.models import ApiKey
from common.domain.caller import Caller
from common.domain.database import wait_briefly
from common.domain.errors import DomainError, Forbidden, Kind
from common.reads.statements import Param, Statement

NOTED_EVERY = timedelta(minutes=1)
_WAIT = 50  # milliseconds


class KeyRefused(DomainError):
    """The key is unknown, or it does not work any more."""

    kind = Kind.UNAUTHENTICATED
    code = "api_key_refused"
    title = "Unauthorized"
    message = "The API key is unknown, revoked or expired."


class WrongAddress(Forbidden):
    code = "api_key_address"
    message = "This API key does not work from this address."


@cache
def _statement() -> Statement:
    rows = ApiKey.objects.filter(key_hash=Param("key_hash", CharField()))
    return Statement.compile(
        rows.working(Param("now", DateTimeField())),  # type: ignore[arg-type]  # in place of the instant
        ("id", "user_id", "user__role", "addresses", "last_used_at"),
    )


def load_key_caller(key: str, address: str | None) -> Caller:
    """Return the caller of a key that was sent from this IP address.

    Costs one query, and once a minute a second one, which notes the use. Raises KeyRefused, WrongAddress.
    """
    if not key.startswith(MARK):
        raise KeyRefused
    now = timezone.now()
    found = _statement().run({"key_hash": hash_of(key), "now": now})
    if not found:
        raise KeyRefused
    pk, user_id, role, addresses, last_used_at = found[0]
    if addresses and not _is_within(address, addresses):
        raise WrongAddress
    if last_used_at is None or last_used_at < now - NOTED_EVERY:
        _note_use(pk, now)
    return Caller(role, user_id, None, api_key=pk)


def _note_use(pk: int, now: datetime) -> None:
    """Note the use, unless another writer holds the lock or the disk is full. It is not worth a request."""
    with suppress(DatabaseError), wait_briefly(_WAIT):
        ApiKey.objects.filter(pk=pk).update(last_used_at=now)


def _is_within(address: str | None, networks: Iterable[str]) -> bool:
    if address is None:
        return False
    ip = ip_address(address)
    return any(ip in ip_network(network) for network in networks)
