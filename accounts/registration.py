"""Somebody new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actions import open_session
from accounts.models import User, normal_email
from accounts.passwords import refuse_weak
from accounts.referrals import refer
from accounts.tokens import Tokens
from common.domain import counters
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
    """Let somebody new in. Raises what `newcomer` and `admit` raise."""
    user = newcomer(**person)
    return user, admit(user=user, referral_code=referral_code, now=now)


def newcomer(*, email: str, password: str, address: str, **person: str) -> User:
    """Somebody new, whom `admit` will store: until then no lock is held, and hashing takes a tenth of a second.

    `person`: first_name, last_name, phone. At most `RATE_REGISTER` an hour from one address.
    Raises TooManyRegistrations, WeakPassword.
    """
    wait = counters.hit(f"register:{address}", limit=settings.RATE_REGISTER, window=WINDOW_SECONDS)
    if wait is not None:
        raise TooManyRegistrations(retry_after=wait)
    user = User(email=normal_email(email), **person)
    refuse_weak(password, user)
    user.set_password(password)
    return user


def admit(*, user: User, now: datetime, referral_code: str = "") -> Tokens:
    """Store somebody new, with whoever brought him, and open his first session.

    Raises EmailTaken, UnknownReferralCode.
    """
    with transaction.atomic():
        with email_free(user.email):
            user.save()
        if referral_code:
            refer(friend_id=user.pk, code=referral_code, now=now)
        return open_session(user=user, now=now)


@contextmanager
def email_free(email: str | None, but: User | None = None) -> Iterator[None]:
    """The unique index decides, also between two at once; EmailTaken is its refusal's name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        others = User.objects.exclude(pk=but.pk if but else 0)
        if email and others.filter(email=normal_email(email)).exists():
            raise EmailTaken(field="email") from error
        raise
