"""Registration of new users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actions import open_session
from accounts.models import EmailChange, User, normalize_email
from accounts.passwords import validate_strength
from accounts.referrals import refer
from accounts.tokens import Tokens
from common.domain import counters, events
from common.domain.errors import Invalid, TooMany

WINDOW_SECONDS = 60 * 60


class TooManyRegistrations(TooMany):
    code = "too_many_registrations"
    message = "Too many registrations from this address. Try again later."


class EmailTaken(Invalid):
    code = "email_taken"
    title = "Email is taken"
    message = "There is an account with this email already."


def register(*, now: datetime, referral_code: str = "", **person: str) -> tuple[User, Tokens]:
    """Register a user. Raises the errors of `build_user` and `create_account`."""
    user = build_user(**person)
    return user, create_account(user=user, referral_code=referral_code, now=now)


def build_user(*, email: str, password: str, address: str, **person: str) -> User:
    """Return a new user with a hashed password, which `create_account` stores.

    Hashing takes a tenth of a second, so it runs before a lock is held. `person` holds first_name, last_name and
    phone. One address can register `RATE_REGISTER` users an hour. Raises TooManyRegistrations, WeakPassword.
    """
    wait = counters.hit(f"register:{address}", limit=settings.RATE_REGISTER, window=WINDOW_SECONDS)
    if wait is not None:
        raise TooManyRegistrations(retry_after=wait)
    user = User(email=normalize_email(email), **person)
    validate_strength(password, user)
    user.set_password(password)
    return user


def create_account(*, user: User, now: datetime, referral_code: str = "") -> Tokens:
    """Store a new user with their referral, if there is one, and open their first session.

    Raises EmailTaken, UnknownReferralCode.
    """
    with transaction.atomic():
        with unique_email(user.email):
            user.save()
        events.record("accounts.user.created", user, at=now)
        if referral_code:
            refer(friend_id=user.pk, code=referral_code, now=now)
        return open_session(user=user, now=now)


@contextmanager
def unique_email(email: str | None, but: User | None = None) -> Iterator[None]:
    """Raise EmailTaken if the unique index on the email refuses a statement of the block.

    The index decides, so the check holds for parallel requests too. `but` is the user who may have the email. An
    address that another user may still get back by an undo is taken, too. That is checked after the block: its
    statement has waited for the change of email that made the address free.
    """
    try:
        with transaction.atomic():
            yield
            if email and EmailChange.objects.reserves([normalize_email(email)], but=but.pk if but else None):
                raise EmailTaken(field="email")
    except IntegrityError as error:
        others = User.objects.exclude(pk=but.pk if but else 0)
        if email and others.filter(email=normalize_email(email)).exists():
            raise EmailTaken(field="email") from error
        raise
