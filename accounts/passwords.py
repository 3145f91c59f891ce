"""Validate, change and reset passwords."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actions import (
    WrongCredentials,
    check_credentials,
    clear_guesses,
    end_all_sessions,
)
from accounts.guesses import GUESS_WINDOW_SECONDS
from accounts.models import EmailChange, User, normalize_email
from accounts.tasks import mail_reset_link
from accounts.tokens import TokenRefused, read_reset
from common.domain import counters
from common.domain.errors import DomainError, Invalid, TooMany

MAIL_WINDOW_SECONDS = 60 * 60


class WeakPassword(Invalid):
    """The password fails Django's validators. `messages` holds the message of each."""

    code = "weak_password"
    title = "Password is too weak"

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages), field="password")
        self.messages = messages


class WrongOldPassword(Invalid):
    code = "wrong_old_password"
    title = "Wrong password"
    message = "The old password is incorrect."


class PasswordHasChanged(DomainError):
    code = "password_has_changed"
    title = "Password has changed"
    message = "The password was changed by another request. Sign in with the new password."


class ResetRefused(Invalid):
    code = "reset_refused"
    title = "Invalid link"
    message = "This link has expired or was already used. Request a new link."


class TooManyMails(TooMany):
    code = "too_many_mails"
    message = "Too many requests for a new password. Try again later."


def validate_strength(password: str, user: User) -> None:
    """Raise WeakPassword if the password fails Django's validators for this user."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None


def change_own_password(
    *, user_id: int, old_password: str, password: str, address: str, now: datetime
) -> None:
    """Change a user's own password and end every session, including the present one.

    A wrong old password counts as a wrong password at the sign-in.
    Raises WrongOldPassword, TooManyGuesses, WeakPassword, PasswordHasChanged.
    """
    email = User.objects.values_list("email", flat=True).get(pk=user_id)
    try:
        user = check_credentials(email=email or "", password=old_password, address=address, now=now)
    except WrongCredentials:
        raise WrongOldPassword(field="old_password") from None
    validate_strength(password, user)
    change_password(user=user, password=password, now=now)


def change_password(*, user: User, password: str | None, now: datetime) -> None:
    """Set a validated password and end every session. None sets an unusable password.

    Raises PasswordHasChanged if the stored password differs from the one in `user`. The old password, or a link signed
    over it, does not authorise a change after another change.
    """
    hashed = make_password(password)  # takes a tenth of a second, so it runs before the row is locked
    with transaction.atomic():
        stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if stored.password != user.password:
            raise PasswordHasChanged
        stored.password = hashed
        stored.save(update_fields=["password"])
        end_all_sessions(user=stored, now=now)
    user.password = hashed


def request_reset(*, email: str, address: str, page: str = "") -> None:
    """Mail a link to set a new password. The link opens `page`, or `PASSWORD_RESET_URL` if it is empty.

    Whether an account with this email exists is checked by the task, not here. One email can be used `RATE_LOGIN`
    times in 15 minutes, and one address `RATE_REGISTER` times an hour.
    Raises TooManyMails, for known and unknown emails alike.
    """
    email = normalize_email(email)
    for key, limit, window in (
        (f"reset-from:{address}", settings.RATE_REGISTER, MAIL_WINDOW_SECONDS),
        (f"reset:{email}", settings.RATE_LOGIN, GUESS_WINDOW_SECONDS),
    ):
        wait = counters.hit(key, limit=limit, window=window)
        if wait is not None:
            raise TooManyMails(retry_after=wait)
    mail_reset_link.enqueue(*((email, page) if page else (email,)))


def reset_password(*, token: str, password: str, address: str, now: datetime) -> None:
    """Set a new password for the user of a mailed token, and end every session.

    The token can be used once, because it is signed over the password that it replaces. It went to the last confirmed
    address, so that a new address cannot be confirmed any more. The count of wrong passwords
    is reset. Raises ResetRefused, WeakPassword (the token stays valid).
    """
    try:
        user = read_reset(token)
        validate_strength(password, user)
        with transaction.atomic():
            change_password(user=user, password=password, now=now)
            EmailChange.objects.filter(user=user, confirmed_at=None).update(confirm_hash=None)
    except (TokenRefused, PasswordHasChanged):
        raise ResetRefused(field="token") from None
    clear_guesses(user=user, address=address, now=now)
