"""Second factors of staff: codes of an authenticator app (RFC 6238) and recovery codes."""

from __future__ import annotations

import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp
from django.conf import settings
from django.db import transaction

from accounts import guesses
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.tokens import hash_link_token
from common.domain.caller import Role
from common.domain.errors import DomainError, Forbidden, Kind

RECOVERY_CODES = 10
# Codes of the previous and the next 30 seconds count too, because clocks differ.
_TOLERATED_STEPS = (0, -1, 1)
_MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})
# Without 0, O, 1 and I, because recovery codes are written down by hand.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class SecondFactorNeeded(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "second_factor_needed"
    title = "Code needed"
    message = "This account has a second factor. Send its present code, or a recovery code, as `code`."


class WrongCode(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "wrong_code"
    title = "Wrong code"
    message = "The code is wrong, has expired or was used before."


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    message = "Your role needs a second factor. Sign in to the admin to set one up."


class SecondFactorExists(DomainError):
    code = "second_factor_exists"
    message = "This account has a second factor already."


class NoSecondFactor(DomainError):
    code = "no_second_factor"
    message = "This account has no second factor."


def is_asked(user: User) -> bool:
    """Return whether a sign-in of the user asks for a code. Only members of staff are asked."""
    return user.is_staff and user.second_factor_since is not None


def is_required(user: User) -> bool:
    """Return whether `REQUIRE_SECOND_FACTOR` requires a second factor of the user."""
    if settings.REQUIRE_SECOND_FACTOR == "STAFF":
        return user.is_staff
    if settings.REQUIRE_SECOND_FACTOR == "MANAGERS":
        return user.is_superuser or user.role in _MANAGERS
    return False


def is_missing(user: User) -> bool:
    """Return whether the user must set up a second factor before they may do anything else."""
    return user.second_factor_since is None and is_required(user)


def check_second_factor(*, user: User, code: str, address: str, now: datetime) -> None:
    """Check the code of a sign-in whose password was right. Users who are not asked need none.

    Raises SecondFactorMissing, SecondFactorNeeded, WrongCode, TooManyGuesses.
    """
    if is_missing(user):
        raise SecondFactorMissing
    if is_asked(user):
        if not code:
            raise SecondFactorNeeded
        check_code(user=user, code=code, address=address, now=now)


def check_code(*, user: User, code: str, address: str, now: datetime) -> None:
    """Spend a code of the app or a recovery code. Each works once.

    A user has a budget of `RATE_LOGIN` wrong codes in 15 minutes, which a right password does not refill. Wrong codes
    also count against the address. Raises WrongCode, TooManyGuesses.
    """
    budgets = {
        guesses.budget_of_address(address): settings.RATE_ADDRESS,
        f"code:{user.pk}": settings.RATE_LOGIN,
    }
    guesses.count(budgets)
    code = _normalize(code)
    spent = _spend_code(user, code, now) if code.isdigit() else _spend_recovery_code(user, code)
    if not spent:
        raise WrongCode
    guesses.take_back(budgets)


def new_secret() -> str:
    """Return a secret of 160 random bits in Base32, for an app to scan."""
    return pyotp.random_base32()


def get_link(user: User, secret: str) -> str:
    """Return the `otpauth://` link that an authenticator app scans."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email or str(user), issuer_name="Garage")


def set_up(*, user: User, secret: str, code: str, now: datetime) -> list[str]:
    """Store the secret after its first code, end every session, and return the recovery codes.

    Raises WrongCode, SecondFactorExists.
    """
    step = _step_of(secret, _normalize(code), now)
    if step is None:
        raise WrongCode
    with transaction.atomic():
        stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if stored.second_factor_since is not None:
            raise SecondFactorExists
        factor = SecondFactor.objects.create(user=stored, secret=secret, last_step=step)
        codes = _replace_recovery_codes(factor)
        _save(stored, since=now, now=now)
    user.second_factor_since = now
    return codes


def remove(*, user: User, now: datetime) -> None:
    """Remove the user's second factor with its recovery codes, and end every session of theirs.

    The user's history names who removed it. Raises NoSecondFactor.
    """
    with transaction.atomic():
        stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if stored.second_factor_since is None:
            raise NoSecondFactor
        SecondFactor.objects.filter(user=stored).delete()
        _save(stored, since=None, now=now)
    user.second_factor_since = None


def renew_recovery_codes(*, user: User) -> list[str]:
    """Replace the user's recovery codes and return the new ones. Raises NoSecondFactor."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update(no_key=True).filter(user=user).first()
        if factor is None:
            raise NoSecondFactor
        return _replace_recovery_codes(factor)


def _save(user: User, *, since: datetime | None, now: datetime) -> None:
    user.second_factor_since = since
    user.save(update_fields=["second_factor_since"])
    user.sessions.end(now=now)


def _replace_recovery_codes(factor: SecondFactor) -> list[str]:
    codes = ["-".join(_four_letters() for _ in range(4)) for _ in range(RECOVERY_CODES)]
    factor.recovery_codes.all().delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, code_hash=hash_link_token(_normalize(code))) for code in codes
    )
    return codes


def _four_letters() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(4))


def _normalize(code: str) -> str:
    return "".join(code.split()).replace("-", "").upper()


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the number of the 30 seconds to which the code belongs, or None."""
    totp = pyotp.TOTP(secret)
    present = totp.timecode(now)
    for step in (present + offset for offset in _TOLERATED_STEPS):
        if compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _spend_code(user: User, code: str, now: datetime) -> bool:
    factor = SecondFactor.objects.filter(user=user).first()
    step = _step_of(factor.secret, code, now) if factor else None
    if factor is None or step is None:
        return False
    # One conditional UPDATE, so that one of several parallel sign-ins with the same code succeeds.
    return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))


def _spend_recovery_code(user: User, code: str) -> bool:
    found = RecoveryCode.objects.filter(factor__user=user, code_hash=hash_link_token(code))
    return bool(found.delete()[0])
