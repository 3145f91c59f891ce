"""Change, undo and confirm a user's email.

A change takes effect at once. Because one stolen token, or one member of staff, could take an account with it, the last
confirmed address is told and can undo it for `LIFETIME`, and reset mails go to that address until the new one is
confirmed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from accounts.actions import end_all_sessions
from accounts.models import EmailChange, Session, User
from accounts.registration import unique_email
from accounts.tasks import mail_confirmation, mail_former_address, mail_undo_link
from accounts.tokens import TokenRefused, hash_link_token
from common.domain import counters, events
from common.domain.errors import Invalid, TooMany
from common.domain.types import Json

LIFETIME = timedelta(hours=72)
WINDOW_SECONDS = 60 * 60


class TooManyEmailChanges(TooMany):
    code = "too_many_email_changes"
    message = "Too many changes of email. Try again later."


class LinkRefused(Invalid):
    """The token is unknown, expired or used, or the email has changed since."""

    code = "link_refused"
    title = "Invalid link"
    message = "This link has expired or was already used."


@dataclass(frozen=True)
class Origin:
    """The request that changes an email: its user, network address and time.

    `session` is given if users change their own email. It must be open when the change is written, so that a change
    with a stolen token cannot follow the undo that ended it.
    """

    user_id: int
    address: str
    at: datetime
    session: UUID | None = None


def count_try(origin: Origin) -> None:
    """Count a try to change an email, so that the answer "taken" does not tell which addresses have an account.

    A user and a network address may try `RATE_EMAIL_CHANGES` times an hour each. Raises TooManyEmailChanges.
    """
    for key in (f"email-change:{origin.user_id}", f"email-change-from:{origin.address}"):
        wait = counters.hit(key, limit=settings.RATE_EMAIL_CHANGES, window=WINDOW_SECONDS)
        if wait is not None:
            raise TooManyEmailChanges(retry_after=wait)


def record_change(*, user: User, email: str | None, at: datetime, session: UUID | None = None) -> Json:
    """Store a change of email and the tasks that mail its links. Return the values that the caller writes to the user.

    It runs in the transaction of that write and locks the user's row. `email` is normalized. Raises TokenRefused if
    `session` has ended.
    """
    # As strong as the lock of the write that follows, because a lock that grows later can deadlock.
    stored = User.objects.select_for_update().get(pk=user.pk)
    if session is not None and not Session.objects.living().filter(uuid=session).exists():
        raise TokenRefused
    if stored.email == email:
        return {}
    confirmed = stored.confirmed_email or stored.email
    if confirmed is None:  # the first address of a user is confirmed, as that of a registration
        return {"email": email, "confirmed_email": None}
    is_return = email == confirmed
    change = EmailChange.objects.create(
        user=user,
        old_email=stored.email,
        new_email=email,
        undo_email=None if is_return else confirmed,
        created_at=at,
        expires_at=at + LIFETIME,
        confirmed_at=at if is_return else None,
    )
    for mail in (mail_undo_link, mail_former_address, mail_confirmation):  # a task sends one mail
        mail.enqueue(change.pk)
    return {"email": email, "confirmed_email": None if is_return else confirmed}


def get_undo(*, token: str, now: datetime) -> EmailChange:
    """Return the change that a mailed token undoes. Raises LinkRefused."""
    return _change_of(Q(undo_hash=hash_link_token(token), undo_email__isnull=False), now)


def get_confirmation(*, token: str, now: datetime) -> EmailChange:
    """Return the change whose new address a mailed token confirms. Raises LinkRefused."""
    change = _change_of(Q(confirm_hash=hash_link_token(token), confirmed_at=None), now)
    if change.user.email != change.new_email:
        raise LinkRefused(field="token")
    return change


def _change_of(condition: Q, now: datetime) -> EmailChange:
    rows = EmailChange.objects.filter(condition, undone_at=None, expires_at__gt=now)
    change = rows.select_related("user").first()
    if change is None:
        raise LinkRefused(field="token")
    return change


def undo_change(*, token: str, now: datetime) -> User:
    """Restore the address that a mailed token stands for, end every session, and take away the password.

    The user is returned, so that the page can ask for a new password. Later changes are undone too, so that the links
    mailed to their addresses do nothing. Raises LinkRefused, EmailTaken if another account got the address.
    """
    unusable = make_password(None)
    with transaction.atomic():
        change, user = _lock(get_undo, token, now)
        restored = change.undo_email
        with unique_email(restored, but=user):
            user.email, user.confirmed_email, user.password = restored, None, unusable
            user.save(update_fields=["email", "confirmed_email", "password"])
            events.record("accounts.user.changed", user, at=now)
        done = user.email_changes.filter(Q(pk__gte=change.pk) | Q(undo_email=restored), undone_at=None)
        done.update(undone_at=now)
        end_all_sessions(user=user, now=now)
    return user


def confirm_email(*, token: str, now: datetime) -> User:
    """Confirm the present email by a mailed token. Reset mails go there from now on. Raises LinkRefused."""
    with transaction.atomic():
        change, user = _lock(get_confirmation, token, now)
        user.confirmed_email = None
        user.save(update_fields=["confirmed_email"])
        events.record("accounts.user.changed", user, at=now)
        change.confirmed_at = now
        change.save(update_fields=["confirmed_at"])
    return user


def _lock(find: Callable[..., EmailChange], token: str, now: datetime) -> tuple[EmailChange, User]:
    """Return the change and its user as they are after the user's row is locked, so that a link works once."""
    user_id = find(token=token, now=now).user_id
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    return find(token=token, now=now), user
