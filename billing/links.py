"""The links by which a customer opens an invoice or a statement without signing in (docs/design, D93)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.tokens import hash_link_token
from billing.models import Invoice, Statement

_BYTES = 16
_INVOICE, _STATEMENT = "billing.invoice-link", "billing.statement-link"


def invoice_token(uuid: UUID) -> tuple[str, str]:
    """Return the token of an invoice's link, 128 bits, and the hash that its row stores.

    It is derived from the uuid and `SECRET_KEY`, so that no row and no task holds it and staff can print it again.
    """
    return _derive(_INVOICE, uuid, settings.SECRET_KEY)


def statement_token(uuid: UUID) -> tuple[str, str]:
    """Return the token of a statement's link, and the hash that its row stores."""
    return _derive(_STATEMENT, uuid, settings.SECRET_KEY)


def invoice_url(invoice: Invoice) -> str:
    """Return the absolute URL of an invoice's link."""
    return _url("invoice-link", _INVOICE, invoice.uuid, invoice.token_hash)


def statement_url(statement: Statement) -> str:
    """Return the absolute URL of a statement's link."""
    return _url("statement-link", _STATEMENT, statement.uuid, statement.token_hash)


def hash_of_token(token: str) -> str:
    """Return the hash by which the row of a link is found."""
    return hash_link_token(token)


def _url(name: str, salt: str, uuid: UUID, stored_hash: str) -> str:
    """Return the URL with the token of the key that the row was stored under, also after the key was changed."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        token, token_hash = _derive(salt, uuid, key)
        if token_hash == stored_hash:
            break
    return settings.PUBLIC_URL + reverse(name, args=[token])


def _derive(salt: str, uuid: UUID, key: str) -> tuple[str, str]:
    drawn = salted_hmac(salt, uuid.hex, secret=key, algorithm="sha256").digest()[:_BYTES]
    token = urlsafe_b64encode(drawn).rstrip(b"=").decode()
    return token, hash_link_token(token)
