"""The tokens of a session: what they claim, and what they are worth; and the one that replaces a forgotten password.

Claims carry the user's data so that another service can show a name without a call; nothing here is decided by
them. A token is worth what its session's row says.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.models import Session, User
from common.domain.errors import DomainError, Kind


class TokenRefused(DomainError):
    """The token is not one of ours, has expired, is of the wrong kind, or its session has ended."""

    kind = Kind.UNAUTHENTICATED
    code = "token_refused"
    title = "Unauthorized"
    message = "Token is invalid or expired."


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str


@dataclass(frozen=True)
class TokenClaims:
    session: UUID
    jti: str


def issue(session: Session, user: User, refresh: RefreshToken) -> Tokens:
    """Both tokens of `session`; `refresh` is the one whose jti the session holds."""
    _claim(refresh, session, user)
    return Tokens(access=str(new_access(session, user)), refresh=str(refresh))


def new_access(session: Session, user: User) -> AccessToken:
    """An access token with the claims as the user's row has them now."""
    token = AccessToken()
    _claim(token, session, user)
    return token


def _claim(token: Token, session: Session, user: User) -> None:
    token["sid"] = str(session.uuid)
    token["user_id"] = str(user.uuid)
    token["email"] = user.email
    token["first_name"] = user.first_name
    token["last_name"] = user.last_name
    token["user_role"] = user.role


def read_refresh(raw: str) -> TokenClaims:
    """What a refresh token says. Raises TokenRefused unless signature, kind and expiry are good."""
    return _read(RefreshToken, raw)


def read_access(raw: str) -> TokenClaims:
    """The same for an access token."""
    return _read(AccessToken, raw)


def _read(kind: type[AccessToken] | type[RefreshToken], raw: str) -> TokenClaims:
    try:
        token = kind(raw)  # type: ignore[arg-type]  # the stub wants a Token; text is what it decodes
        return TokenClaims(session=UUID(str(token["sid"])), jti=str(token["jti"]))
    except (TokenError, KeyError, ValueError):
        raise TokenRefused from None


# Signed over the user's password, last sign-in and email: what changes one of them ends it. It lives for
# `PASSWORD_RESET_TIMEOUT` seconds.
_resets = PasswordResetTokenGenerator()


def reset_token(user: User) -> str:
    """What replaces a forgotten password, once: the user's uuid and a signature."""
    return f"{user.uuid.hex}-{_resets.make_token(user)}"


def read_reset(raw: str) -> User:
    """The user whose password the token may replace. Raises TokenRefused."""
    whose, _, signature = raw.partition("-")
    try:
        user = User.objects.filter(uuid=whose, is_active=True).first()
    except ValidationError:  # no uuid at all
        raise TokenRefused from None
    if user is None or not _resets.check_token(user, signature):
        raise TokenRefused
    return user
