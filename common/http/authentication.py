"""Authenticate a request by a token or a session, as a `Caller` (docs/design, D37)."""

from __future__ import annotations

import time
from functools import lru_cache
from uuid import UUID

import structlog
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from common.domain.caller import Caller, caller_loader, key_caller_loader, page_caller_loader
from common.domain.tokens import AccessToken
from common.http.address import client_ip

CHALLENGE = 'Bearer realm="api"'
_REFUSED = "Given token is not valid or has expired."


class CallerRequest(Request):
    """A request whose user is a `Caller`, or None without credentials."""

    user: Caller | None  # type: ignore[assignment]  # the stubs know only Django's users

    @property
    def caller(self) -> Caller:
        """The caller. Raises NotAuthenticated if there is none."""
        if self.user is None:
            raise NotAuthenticated
        return self.user


class BearerAuthentication(BaseAuthentication):
    """Authenticate by `Authorization: Bearer <access token>`. Any other scheme counts as no credentials."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        caller = caller_of_token(raw.strip())
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate a machine by `Authorization: Api-Key <key>` (docs/design, D141)."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        scheme, _, key = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "api-key":
            return None
        caller = key_caller_loader()(key.strip(), client_ip(request))
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionCaller(SessionAuthentication):
    """Authenticate by Django's session. Every unsafe method needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        caller = page_caller_loader()(found[0])
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        return caller, None

    def enforce_csrf(self, request: Request) -> None:
        if request.method not in SAFE_METHODS:  # the check allows the safe ones anyway, and costs time
            super().enforce_csrf(request)


def caller_of_token(raw: str) -> Caller:
    """Return the caller of an access token.

    Raises AuthenticationFailed if the token is invalid or expired, or if its session has ended or lost its user.
    """
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
    """Return the session and expiry (Unix seconds) of an access token.

    A valid signature stays valid, so it is checked once per process. Expiry and the session's row
    are checked each time.
    """
    claims = AccessToken(raw)  # type: ignore[arg-type]  # the stub wants bytes, but it decodes str
    return UUID(str(claims.get("sid"))), claims["exp"]
