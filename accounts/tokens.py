"""Issue and read the tokens of a session, of a password reset and of other mailed links.

Claims carry the user's data, so that another service can show a name without a request. They grant no access here:
a token is valid while the row of its session is open (docs/decisions/0002).
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.models import Session, User
from common.domain.errors import DomainError, Kind
from common.domain.tasks import delivery
from common.domain.tokens import AccessToken, RefreshToken

_LINK_SALT = "accounts.mailed-link"


class TokenRefused(DomainError):
    """The token has a wrong signature, has expired, is of the wrong kind, or its session has ended."""

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
    """Return both tokens of `session`. `refresh` is the token whose jti the session stores."""
    _claim(refresh, session, user)
    return Tokens(access=str(new_access(session, user)), refresh=str(refresh))


def new_access(session: Session, user: User) -> AccessToken:
    """Return an access token with claims from the user's present row."""
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
    """Return the claims of a refresh token. Raises TokenRefused unless signature, kind and expiry are valid."""
    return _read(RefreshToken, raw)


def read_access(raw: str) -> TokenClaims:
    """Return the claims of an access token. Raises TokenRefused unless signature, kind and expiry are valid."""
    return _read(AccessToken, raw)


def _read(kind: type[AccessToken] | type[RefreshToken], raw: str) -> TokenClaims:
    try:
        token = kind(raw)  # type: ignore[arg-type]  # the stub expects a Token, but the class decodes text
        return TokenClaims(session=UUID(str(token["sid"])), jti=str(token["jti"]))
    except (TokenError, KeyError, ValueError):
        raise TokenRefused from None


# Signed over the user's password, last sign-in and email, so that a change of one of them invalidates the token. It
# expires after `PASSWORD_RESET_TIMEOUT` seconds.
_resets = PasswordResetTokenGenerator()


def reset_token(user: User) -> str:
    """Return the token that resets a user's password once: their uuid and a signature."""
    return f"{user.uuid.hex}-{_resets.make_token(user)}"


def read_reset(raw: str) -> User:
    """Return the user whose password the token resets. Raises TokenRefused."""
    uuid, _, signature = raw.partition("-")
    try:
        user = User.objects.filter(uuid=uuid, is_active=True).first()
    except ValidationError:  # not a uuid
        raise TokenRefused from None
    if user is None or not _resets.check_token(user, signature):
        raise TokenRefused
    return user


def new_link_token() -> tuple[str, str]:
    """Return a token for a mailed link, 256 bits, and the hash that its row stores.

    A task that is run again after a crash gets the token of its first run. Its mail has the same Message-ID, and a
    mailbox that keeps only the first of such mails must hold the link that works.
    """
    task = delivery.get("")
    drawn = salted_hmac(_LINK_SALT, task, algorithm="sha256").digest() if task else secrets.token_bytes(32)
    token = urlsafe_b64encode(drawn).rstrip(b"=").decode()
    return token, hash_link_token(token)


def hash_link_token(token: str) -> str:
    """Return the hash by which the row of a mailed link is found. A reader of the table cannot use the link."""
    return sha256(token.encode(errors="replace")).hexdigest()
