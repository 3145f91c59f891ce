"""SimpleJWT's tokens, signed with `SECRET_KEY` and accepted under `SECRET_KEY_FALLBACKS` as well."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

_ALGORITHM = "HS256"


class _KeyRing(TokenBackend):
    """Verify a token by each key in turn. Django does so for all that it signs, and SimpleJWT knows one key only."""

    def __init__(self) -> None:
        super().__init__(_ALGORITHM, settings.SECRET_KEY)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        try:
            return super().decode(token, verify)
        except TokenBackendExpiredToken:
            raise
        except TokenBackendError:
            for key in settings.SECRET_KEY_FALLBACKS:
                with suppress(TokenBackendError):
                    return TokenBackend(_ALGORITHM, key).decode(token, verify)
            raise


_keys = _KeyRing()


class AccessToken(tokens.AccessToken):
    _token_backend = _keys


class RefreshToken(tokens.RefreshToken):
    _token_backend = _keys
