"""The link by which a passport is opened without signing in (docs/design, D140)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.tokens import hash_link_token

_SALT = "passports.passport-link"
_BYTES = 16


def link_token(uuid: UUID) -> tuple[str, str]:
    """Return the token of a link, 128 bits, and the hash that its row stores.

    It is derived from the row and `SECRET_KEY`, so that no row holds it and the owner can copy the link again.
    """
    return _derive(uuid, settings.SECRET_KEY)


def link_url(uuid: UUID, stored_hash: str) -> str:
    """Return the absolute URL of the link with this uuid and `token_hash`."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        token, token_hash = _derive(uuid, key)
        if token_hash == stored_hash:
            break
    return settings.PUBLIC_URL + reverse("passport-link", args=[token])


def _derive(uuid: UUID, key: str) -> tuple[str, str]:
    drawn = salted_hmac(_SALT, uuid.hex, secret=key, algorithm="sha256").digest()[:_BYTES]
    token = urlsafe_b64encode(drawn).rstrip(b"=").decode()
    return token, hash_link_token(token)
