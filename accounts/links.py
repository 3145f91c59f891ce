"""Links that open one row without signing in (docs/design, D79)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.tokens import hash_link_token

_BYTES = 16


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one kind of row. `salt` keeps their tokens apart from those of other kinds.

    A token has 128 bits and is derived from the uuid of the row and `SECRET_KEY`. So no row and no task holds it, the
    link can be shown again, and a mail that is sent again has the same one.
    """

    route: str
    salt: str

    def token_of(self, uuid: UUID) -> tuple[str, str]:
        """Return the token of a row, and the hash that the row stores."""
        return self._derive(uuid, settings.SECRET_KEY)

    def url_of(self, uuid: UUID, stored_hash: str) -> str:
        """Return the absolute URL of the row with this uuid and hash, also after the key was changed."""
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            token, token_hash = self._derive(uuid, key)
            if token_hash == stored_hash:
                break
        return settings.PUBLIC_URL + reverse(self.route, args=[token])

    def _derive(self, uuid: UUID, key: str) -> tuple[str, str]:
        drawn = salted_hmac(self.salt, uuid.hex, secret=key, algorithm="sha256").digest()[:_BYTES]
        token = urlsafe_b64encode(drawn).rstrip(b"=").decode()
        return token, hash_link_token(token)
