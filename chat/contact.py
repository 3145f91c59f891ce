"""The contact form: a conversation of a customer who is signed in, otherwise a mail to the shop."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from chat.actions import start_conversation
from chat.models import Conversation
from chat.tasks import mail_contact
from common.domain import counters
from common.domain.caller import Caller
from common.domain.errors import TooMany

SUBJECT = "Contact form"
_WINDOW_SECONDS = 60 * 60


def contact_shop(
    *,
    by: Caller | None,
    name: str,
    email: str,
    message: str,
    address: str,
    now: datetime,
    phone: str = "",
    user_type: str = "",
) -> Conversation | None:
    """Start a customer's conversation with the message, or mail it to the shop, which answers to `email`.

    A network address may send `RATE_REGISTER` messages an hour. Raises TooMany, CustomerIsMerged.
    """
    wait = counters.hit(f"contact-from:{address}", limit=settings.RATE_REGISTER, window=_WINDOW_SECONDS)
    if wait is not None:
        raise TooMany(retry_after=wait)
    if by is not None and not by.is_staff:
        return start_conversation(by=by, subject=SUBJECT, message=message, now=now)
    mail_contact.enqueue(email, name, phone, user_type, message)
    return None
