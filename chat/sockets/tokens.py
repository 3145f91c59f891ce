"""Tickets for the socket: good once, for half a minute, so that no token has to stand in an address."""

from __future__ import annotations

import secrets
from hashlib import sha256
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

from common.domain.caller import Caller
from common.domain.errors import DomainError, Kind

LIFETIME_SECONDS = 30


class TicketsUnavailable(DomainError):
    """What keeps tickets is away; a token still opens a socket."""

    kind = Kind.UNAVAILABLE
    code = "tickets_unavailable"
    title = "Service unavailable"
    message = "Tickets cannot be issued right now. Try again in a few seconds."


def issue(*, caller: Caller) -> str:
    """A ticket for the caller's session. Raises TicketsUnavailable."""
    ticket = secrets.token_urlsafe(32)
    try:
        cache.set(_key(ticket), str(caller.session), LIFETIME_SECONDS)
    except RedisError:
        raise TicketsUnavailable(retry_after=5) from None
    return ticket


def redeem(ticket: str) -> UUID | None:
    """The session a ticket was issued for, None when it is unknown, old or used. Raises TicketsUnavailable."""
    try:
        session = cache.get(_key(ticket))
        # Of two who come with it at once, one deletes it.
        if session is None or not cache.delete(_key(ticket)):
            return None
    except RedisError:
        raise TicketsUnavailable(retry_after=5) from None
    return UUID(session)


def _key(ticket: str) -> str:
    # Hashed: what somebody sends may be anything, and what is good is nobody's business in the cache.
    return f"chat-ticket:{sha256(ticket.encode(errors='replace')).hexdigest()}"
