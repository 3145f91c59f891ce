"""The link by which a person stops reminders without signing in (docs/design, D139)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.tokens import hash_link_token
from reminders.models import ReminderMail

_SALT, _BYTES = "reminders.stop-link", 16


def stop_token(uuid: UUID, key: str = "") -> tuple[str, str]:
    """Return the token of a mail's link, 128 bits, and the hash that its row stores.

    It is derived from the uuid and `SECRET_KEY`, so that a mail that is sent again has the same link.
    """
    key = key or settings.SECRET_KEY
    drawn = salted_hmac(_SALT, uuid.hex, secret=key, algorithm="sha256").digest()[:_BYTES]
    token = urlsafe_b64encode(drawn).rstrip(b"=").decode()
    return token, hash_link_token(token)


def stop_url(mail: ReminderMail) -> str:
    """Return the absolute URL of a mail's link, also after the key was changed."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        token, token_hash = stop_token(mail.uuid, key)
        if token_hash == mail.token_hash:
            break
    return settings.PUBLIC_URL + reverse("reminder-link", args=[token])


def find_mail_by_token(token: str) -> ReminderMail | None:
    """Return the mail of a link with its customer, or None."""
    rows = ReminderMail.objects.select_related("customer__contact", "user")
    return rows.filter(token_hash=hash_link_token(token)).first()
