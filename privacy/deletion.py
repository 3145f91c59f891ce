"""Ask for the deletion of one's data. Staff erase the person (`erase.py`), once what is open is settled."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from accounts.guesses import GUESS_WINDOW_SECONDS
from accounts.models import User, normalize_email
from common.domain import counters
from common.domain.errors import TooMany
from privacy.erase import StillOpen, find_open_business
from privacy.persons import get_person
from privacy.tasks import mail_deletion_received, mail_deletion_request

_WINDOW_SECONDS = 60 * 60


def request_own_deletion(*, user_id: int, reason: str, address: str) -> None:
    """Ask the shop to erase the caller. Raises StillOpen, which names what stands against it, and TooMany."""
    user = User.objects.get(pk=user_id)
    unfinished = find_open_business(get_person(user))
    if unfinished:
        raise StillOpen(unfinished)
    request_deletion(email=user.email or "", reason=reason, address=address)


def request_deletion(*, email: str, reason: str, address: str) -> None:
    """Ask the shop to erase the person with this email. Whether there is one is checked by the tasks, not here.

    Shop and person are mailed. The rates are those of requests for a new password. Raises TooMany, for known and
    unknown emails alike.
    """
    email = normalize_email(email)
    for key, limit, window in (
        (f"deletion-from:{address}", settings.RATE_REGISTER, _WINDOW_SECONDS),
        (f"deletion:{email}", settings.RATE_LOGIN, GUESS_WINDOW_SECONDS),
    ):
        wait = counters.hit(key, limit=limit, window=window)
        if wait is not None:
            raise TooMany(retry_after=wait)
    with transaction.atomic():
        mail_deletion_request.enqueue(email, reason)
        mail_deletion_received.enqueue(email)
