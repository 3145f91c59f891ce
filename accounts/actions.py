"""Sign in, refresh and sign out, and end a user's sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from accounts import guesses
from accounts.models import Device, KnownAddress, PageSession, Session, User, normalize_email
from accounts.second_factor import check_second_factor, is_missing
from accounts.tokens import TokenRefused, Tokens, issue, new_access, read_access, read_refresh
from common.domain import counters, events, expiry
from common.domain.errors import DomainError, Forbidden, Kind
from common.domain.tokens import RefreshToken

KNOWN_ADDRESS_PERIOD = timedelta(days=90)
# A session depends on these fields of its user. A change of one of them ends every session and token issued before.
ENDS_SESSIONS = frozenset({"password", "role", "is_active", "second_factor_since"})


class WrongCredentials(DomainError):
    """No active account has this email and password. The error does not tell which of the two is wrong."""

    kind = Kind.UNAUTHENTICATED
    code = "wrong_credentials"
    title = "Invalid credentials"
    message = "No active account found with the given credentials"


class WrongRole(Forbidden):
    """The account has another role than the one that the sign-in names. A role is never given by naming it."""

    code = "wrong_role"
    title = "Wrong role"


def check_credentials(*, email: str, password: str, address: str, now: datetime) -> User:
    """Return the user with this email and password. Tokens, page sessions and the admin all sign in here.

    An account allows `RATE_LOGIN` wrong attempts in 15 minutes. An address where the account signed in within
    90 days has a budget of its own. All other addresses share one. An address allows `RATE_ADDRESS` of them over all
    accounts. An attempt is counted before the password is hashed, so that parallel guesses cannot exceed the limit.
    Known and unknown emails take the same time.

    Raises WrongCredentials, TooManyGuesses (with the seconds to wait).
    """
    email = normalize_email(email)
    user = User.objects.filter(email=email).first()
    budgets = {
        guesses.budget_of_address(address): settings.RATE_ADDRESS,
        _guess_budget(user, email, address, now): settings.RATE_LOGIN,
    }
    guesses.count(budgets)
    if user is None:
        make_password(password)  # takes as long as checking the password of an existing account
        raise WrongCredentials
    if not user.check_password(password) or not user.is_active:
        raise WrongCredentials
    guesses.take_back(budgets)
    return user


def remember_address(*, user: User, address: str, now: datetime) -> None:
    """Note that the user signed in from an address, from where wrong passwords then have a budget of their own."""
    KnownAddress.objects.update_or_create(user=user, address=address, defaults={"last_sign_in_at": now})


def _guess_budget(user: User | None, email: str, address: str, now: datetime) -> str:
    # The query runs for an unknown email too, so that both cost the same.
    is_known = KnownAddress.objects.filter(
        user_id=user.pk if user else 0, address=address, last_sign_in_at__gte=now - KNOWN_ADDRESS_PERIOD
    ).exists()
    return f"login:{email}:{address if is_known else 'anywhere'}"


def clear_guesses(*, user: User, address: str, now: datetime) -> None:
    """Reset the count of wrong passwords, for a user who proved by other means that the account is theirs."""
    budget = _guess_budget(user, user.email or "", address, now)
    counters.reset(budget, window=guesses.GUESS_WINDOW_SECONDS)


def sign_in(
    *,
    email: str,
    password: str,
    address: str,
    now: datetime,
    device_id: str = "",
    code: str = "",
    role: str = "",
) -> tuple[User, Tokens]:
    """Check the credentials and the second factor of staff, and open a session.

    A `role`, in upper or lower case, must be that of the account. Raises WrongCredentials, TooManyGuesses, WrongRole,
    SecondFactorNeeded, WrongCode, SecondFactorMissing.
    """
    user = check_credentials(email=email, password=password, address=address, now=now)
    if role and role.lower() != user.role:
        raise WrongRole(f"This account does not have the role {role.lower()}.")
    check_second_factor(user=user, code=code, address=address, now=now)
    return user, open_session(user=user, now=now, device_id=device_id, address=address)


def open_session(*, user: User, now: datetime, device_id: str = "", address: str = "") -> Tokens:
    """Open a session and return its two tokens. `address` is the one from where the user signed in.

    Raises WrongCredentials if a field in ENDS_SESSIONS has changed since `user` was loaded. The UPDATE that sets
    `last_login` checks these fields, and waits for a change in progress (docs/decisions/0016).
    """
    refresh = RefreshToken()
    unchanged = {name: getattr(user, name) for name in ENDS_SESSIONS}
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, **unchanged).update(last_login=now):
            raise WrongCredentials
        if address:
            remember_address(user=user, address=address, now=now)
        device = _take_device(user, device_id, now) if device_id else None
        session = Session.objects.create(user=user, device=device, refresh_jti=refresh["jti"], created_at=now)
    return issue(session, user, refresh)


def _take_device(user: User, device_id: str, now: datetime) -> Device:
    """Return the user's device with this id. A device of another user moves, and leaves that user's sessions."""
    device, _ = Device.objects.update_or_create(
        device_id=device_id, defaults={"user": user, "last_seen_at": now}
    )
    Session.objects.filter(device=device).exclude(user=user).update(device=None)
    return device


def refresh_access(*, refresh: str) -> str:
    """Return a new access token with claims from the user's present row. Raises TokenRefused."""
    session = _session_of(refresh)
    return str(new_access(session, session.user))


def rotate_refresh(*, refresh: str, now: datetime) -> Tokens:
    """Return new tokens for a refresh token, which can be used once.

    One conditional UPDATE replaces the jti, so that one of several parallel rotations succeeds. A token that is not
    the session's present one was stolen or lost, so its session ends. Raises TokenRefused.
    """
    session = _session_of(refresh, any_generation=True)
    old, new = read_refresh(refresh).jti, RefreshToken()
    swapped = Session.objects.filter(pk=session.pk, refresh_jti=old, ended_at=None).update(
        refresh_jti=new["jti"]
    )
    if not swapped:
        Session.objects.filter(pk=session.pk).end(now=now)
        raise TokenRefused
    return issue(session, session.user, new)


def verify_token(*, token: str) -> None:
    """Raise TokenRefused unless the access or refresh token is valid now."""
    try:
        claims = read_access(token)
    except TokenRefused:
        _session_of(token)  # refuses a refresh token that was rotated
        return
    if not Session.objects.living().filter(uuid=claims.session).exists():
        raise TokenRefused


def sign_out(*, refresh: str, now: datetime) -> None:
    """End the session of the refresh token, which invalidates both its tokens. Raises TokenRefused."""
    Session.objects.filter(pk=_session_of(refresh).pk).end(now=now)


def _session_of(refresh: str, *, any_generation: bool = False) -> Session:
    claims = read_refresh(refresh)
    session = Session.objects.living().select_related("user").filter(uuid=claims.session).first()
    if session is None or (session.refresh_jti != claims.jti and not any_generation):
        raise TokenRefused
    if is_missing(session.user):  # it was opened before the setting required a second factor
        raise TokenRefused
    return session


def end_session(*, session: Session, now: datetime) -> None:
    """End one session. A session that has ended already keeps its time."""
    Session.objects.filter(pk=session.pk).end(now=now)


def ensure_page_session(*, user_id: int, known: str | None, now: datetime) -> UUID:
    """Return the session of a browser that is signed in by cookie, for a socket, which needs a session.

    This is the `known` session while it is open, else a new one. It has no tokens.
    """
    living = Session.objects.living().filter(user_id=user_id)
    if known and (found := living.filter(uuid=known).values_list("uuid", flat=True).first()):
        return found
    return Session.objects.create(user_id=user_id, refresh_jti=uuid4().hex, created_at=now).uuid


def end_page_session(*, known: str | None, now: datetime) -> None:
    """End the session `known` of a browser that signs out of the pages. None means that there is none."""
    if known:
        Session.objects.filter(uuid=known).end(now=now)


def end_all_sessions(*, user: User, now: datetime) -> None:
    """End every session of a user, after a change of a field in ENDS_SESSIONS or before a deletion."""
    user.sessions.end(now=now)


def change_role(*, user: User, role: str, now: datetime) -> None:
    """Change a user's role and end every session of theirs."""
    with transaction.atomic():
        user.role = role
        user.save(update_fields=["role"])
        events.record("accounts.user.role_changed", user, at=now, role=role)
        end_all_sessions(user=user, now=now)


def set_active(*, user: User, is_active: bool, now: datetime) -> None:
    """Activate a user, or deactivate them and end every session of theirs.

    Those of pages are deleted, so that they do not come back when the user is activated again.
    """
    with transaction.atomic():
        user.is_active = is_active
        user.save(update_fields=["is_active"])
        what = "activated" if is_active else "deactivated"
        events.record(f"accounts.user.{what}", user, at=now)
        if not is_active:
            end_all_sessions(user=user, now=now)
            PageSession.objects.filter(user_id=user.pk).delete()


def clear_ended_sessions(*, now: datetime) -> int:
    """Delete sessions that ended `KEEP_DAYS` ago, or whose tokens have expired for that long.

    A rotated session lives on, and a page's session has no token, so that an open one is deleted only if its tokens
    cannot be renewed.
    """
    long_ago = expiry.kept_since(now)
    dead = Q(ended_at__lt=long_ago)
    if not settings.ROTATE_REFRESH_TOKENS:
        dead |= Q(ended_at=None, created_at__lt=long_ago - RefreshToken.lifetime)
    return Session.objects.filter(dead).delete()[0]


def clear_known_addresses(*, now: datetime) -> int:
    """Delete addresses that are not known any more."""
    return KnownAddress.objects.filter(last_sign_in_at__lt=now - KNOWN_ADDRESS_PERIOD).delete()[0]
