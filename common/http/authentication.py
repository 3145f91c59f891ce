"""A token or a session in, a `Caller` out. A token's signature is checked first, then the row has the last word."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from common.domain.caller import Caller, caller_loader, page_caller_loader

CHALLENGE = 'Bearer realm="api"'
_REFUSED = "Given token is not valid or has expired."


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; any other scheme counts as no credentials at all."""

    def authenticate(self, request: Request) -> tuple[Caller, Any] | None:
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        caller = caller_of_token(raw.strip())
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionCaller(SessionAuthentication):
    """Django's session, as a browser's pages carry it; every unsafe method needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Caller, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        caller = page_caller_loader()(found[0])
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        return caller, None

    def enforce_csrf(self, request: Request) -> None:
        if request.method not in SAFE_METHODS:  # nor does it ask anything of the safe ones, at a price
            super().enforce_csrf(request)


def caller_of_token(raw: str) -> Caller:
    """The caller behind an access token. AuthenticationFailed when the token is not one, has expired, or its
    session has ended or lost its user."""
    try:
        session, expires = _signed(raw)
    except (TokenError, ValueError):
        raise AuthenticationFailed(_REFUSED) from None
    if expires <= time.time():
        raise AuthenticationFailed(_REFUSED)
    caller = caller_loader()(session)
    if caller is None:
        raise AuthenticationFailed(_REFUSED)
    return caller


@lru_cache(maxsize=4096)
def _signed(raw: str) -> tuple[UUID, int]:
    """Session and expiry (Unix seconds) of an access token. A signature that was good stays good, so it is checked
    once a process; what can end a token, the clock and the session's row, is asked each time."""
    claims = AccessToken(raw)  # type: ignore[arg-type]  # the stub wants bytes; str is what it decodes
    return UUID(str(claims.get("sid"))), claims["exp"]
