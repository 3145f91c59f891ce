"""The link by which a person stops reminders without signing in (docs/design, D139)."""

from __future__ import annotations

from accounts.links import Links
from accounts.tokens import hash_link_token
from reminders.models import ReminderMail

STOP_LINKS = Links(route="reminder-link", salt="reminders.stop-link")


def stop_url(mail: ReminderMail) -> str:
    """Return the absolute URL of a mail's link."""
    return STOP_LINKS.url_of(mail.uuid, mail.token_hash)


def find_mail_by_token(token: str) -> ReminderMail | None:
    """Return the mail of a link with its customer, or None."""
    rows = ReminderMail.objects.select_related("customer__contact", "user")
    return rows.filter(token_hash=hash_link_token(token)).first()
