"""Sign what is sent, by the scheme of Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook as Signer

PREFIX = "whsec_"
_BYTES = 32  # the scheme asks for 24 to 64


def new_secret() -> str:
    """Return a new secret of 256 random bits, as a receiver stores it."""
    return PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(*, message_id: str, body: bytes, keys: Iterable[str], at: datetime) -> dict[str, str]:
    """Return the headers that a receiver verifies. `keys` are the secrets that are valid at `at`, in UTC."""
    text = body.decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message_id, at, text) for key in keys),
    }
