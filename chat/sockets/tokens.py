"""Issue and redeem socket tokens, which are good once for 30 s. The contracts call them tickets.

With one, no access token stands in the socket's URL.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

from common.domain.caller import Caller
from common.domain.errors import DomainError, Kind

LIFETIME_SECONDS = 30


class SocketTokensUnavailable(DomainError):
    """The cache is away. An access token still opens a socket."""

    kind = Kind.UNAVAILABLE
    code = "tickets_unavailable"
    title = "Service unavailable"
    message = "Tickets cannot be issued right now. Try again in a few seconds."


def issue(*, caller: Caller) -> str:
    """Return a new socket token of the caller's session. Raises SocketTokensUnavailable."""
    socket_token = secrets.token_urlsafe(32)
    try:
        cache.set(_key(socket_token), str(caller.session), LIFETIME_SECONDS)
    except RedisError:
        raise SocketTokensUnavailable(retry_after=5) from None
    return socket_token


def redeem(socket_token: str) -> UUID | None:
    """Return the session of a socket token and invalidate it, or None if it is unknown, expired or used.

    Raises SocketTokensUnavailable.
    """
    key = _key(socket_token)
    try:
        session = cache.get(key)
        # Of two parallel requests with the same token, only one deletes the key.
        if session is None or not cache.delete(key):
            return None
    except RedisError:
        raise SocketTokensUnavailable(retry_after=5) from None
    return UUID(session)


def _key(socket_token: str) -> str:
    # Hashed, because a client may send any text and the cache must not hold usable tokens.
    return f"chat-socket-token:{sha256(socket_token.encode(errors='replace')).hexdigest()}"
