"""A password's life: refused when weak, changed with the old one, replaced by a mailed link when forgotten."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actions import (
    GUESS_WINDOW_SECONDS,
    WrongCredentials,
    check_credentials,
    end_all_sessions,
    forget_guesses,
)
from accounts.models import User, normal_email
from accounts.tasks import mail_reset_link
from accounts.tokens import TokenRefused, read_reset
from common.domain import counters
from common.domain.errors import DomainError, Invalid, TooMany

MAIL_WINDOW_SECONDS = 60 * 60


class WeakPassword(Invalid):
    """`messages` say everything that is wrong with it."""

    code = "weak_password"
    title = "Password is too weak"

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages), field="password")
        self.messages = messages


class WrongOldPassword(Invalid):
    code = "wrong_old_password"
    title = "Wrong password"
    message = "The old password is not right."


class PasswordHasChanged(DomainError):
    code = "password_has_changed"
    title = "Password has changed"
    message = "The password has been changed meanwhile."


class ResetRefused(Invalid):
    code = "reset_refused"
    title = "Link is not good"
    message = "This link has expired or was used already. Ask for a new one."


class TooManyMails(TooMany):
    code = "too_many_mails"
    message = "Too many requests for a new password. Try again later."


def refuse_weak(password: str, user: User) -> None:
    """Raise WeakPassword unless the password passes Django's validators for this user."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None


def change_own_password(
    *, user_id: int, old_password: str, password: str, address: str, now: datetime
) -> None:
    """Trade one's old password for a new one; every session ends, the one in hand too.

    A wrong old password is a wrong guess and counts as one at the sign-in.
    Raises WrongOldPassword, TooManyGuesses, WeakPassword, PasswordHasChanged.
    """
    email = User.objects.values_list("email", flat=True).get(pk=user_id)
    try:
        user = check_credentials(email=email or "", password=old_password, address=address, now=now)
    except WrongCredentials:
        raise WrongOldPassword(field="old_password") from None
    refuse_weak(password, user)
    change_password(user=user, password=password, now=now)


def change_password(*, user: User, password: str | None, now: datetime) -> None:
    """Set a password that the caller has validated (None: one that never fits), and end every session.

    Raises PasswordHasChanged unless the stored one is the one that `user` was read with: what was proved by the
    old password, or by a link that carries it, is worth nothing after another change.
    """
    hashed = make_password(password)  # before the row is locked: it takes a tenth of a second
    with transaction.atomic():
        stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if stored.password != user.password:
            raise PasswordHasChanged
        stored.password = hashed
        stored.save(update_fields=["password"])
        end_all_sessions(user=stored, now=now)
    user.password = hashed


def ask_for_reset(*, email: str, address: str, page: str = "") -> None:
    """Have a link to a new password mailed, on commit, to whoever has this email; whether anybody has is not looked at.
    It opens `page`, or the app's (`PASSWORD_RESET_URL`).

    At most as many for one email as there may be wrong guesses, and for one address as registrations.
    Raises TooManyMails, for known and unknown emails alike.
    """
    email = normal_email(email)
    for key, limit, window in (
        (f"reset-from:{address}", settings.RATE_REGISTER, MAIL_WINDOW_SECONDS),
        (f"reset:{email}", settings.RATE_LOGIN, GUESS_WINDOW_SECONDS),
    ):
        wait = counters.hit(key, limit=limit, window=window)
        if wait is not None:
            raise TooManyMails(retry_after=wait)
    transaction.on_commit(partial(mail_reset_link.enqueue, *((email, page) if page else (email,))))


def reset_password(*, token: str, password: str, address: str, now: datetime) -> None:
    """Set a new password by a mailed token, which says whose, and end every session.

    The token is good once: it is signed over the password that it replaces. Wrong guesses at the old one are forgotten.
    Raises ResetRefused, WeakPassword (the token stays good).
    """
    try:
        user = read_reset(token)
        refuse_weak(password, user)
        change_password(user=user, password=password, now=now)
    except (TokenRefused, PasswordHasChanged):
        raise ResetRefused(field="token") from None
    forget_guesses(user=user, address=address, now=now)
