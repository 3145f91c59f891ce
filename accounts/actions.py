"""Coming in and going out: sign in, refresh, sign out, and what ends every session of a user."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import Device, KnownAddress, Session, User, normal_email
from accounts.tokens import TokenRefused, Tokens, issue, new_access, read_access, read_refresh
from common.domain import counters
from common.domain.errors import DomainError, Kind, TooMany

GUESS_WINDOW_SECONDS = 15 * 60
ADDRESS_REMEMBERED = timedelta(days=90)
# What a session was opened on: when one of these changes, nothing issued before is good.
ENDS_SESSIONS = frozenset({"password", "role", "is_active"})


class WrongCredentials(DomainError):
    """No active account with this email and password; which of the two was wrong is nobody's business."""

    kind = Kind.UNAUTHENTICATED
    code = "wrong_credentials"
    title = "Invalid credentials"
    message = "No active account found with the given credentials"


class TooManyGuesses(TooMany):
    code = "too_many_guesses"
    message = "Too many sign-in attempts. Try again later."


def check_credentials(*, email: str, password: str, address: str, now: datetime) -> User:
    """The user behind an email and a password, at any door: tokens, sessions, the admin.

    At most `RATE_LOGIN` wrong tries per account in 15 minutes; an address where the account signed in within
    90 days has a budget of its own, all others share one. A try is counted before it is made, so that parallel
    guesses cannot slip through; known and unknown emails cost the same time.

    Raises WrongCredentials, TooManyGuesses (with the seconds to wait).
    """
    email = normal_email(email)
    user = User.objects.filter(email=email).first()
    budget = _guess_budget(user, email, address, now)
    wait = counters.hit(budget, limit=settings.RATE_LOGIN, window=GUESS_WINDOW_SECONDS)
    if wait is not None:
        raise TooManyGuesses(retry_after=wait)
    if user is None:
        make_password(password)  # spend what checking a real one spends
        raise WrongCredentials
    if not user.check_password(password) or not user.is_active:
        raise WrongCredentials
    counters.take_back(budget, window=GUESS_WINDOW_SECONDS)
    KnownAddress.objects.update_or_create(user=user, address=address, defaults={"last_sign_in_at": now})
    return user


def _guess_budget(user: User | None, email: str, address: str, now: datetime) -> str:
    # Asked also for nobody, so that an unknown email costs the same queries.
    is_known = KnownAddress.objects.filter(
        user_id=user.pk if user else 0, address=address, last_sign_in_at__gte=now - ADDRESS_REMEMBERED
    ).exists()
    return f"login:{email}:{address if is_known else 'anywhere'}"


def forget_guesses(*, user: User, address: str, now: datetime) -> None:
    """Whoever has proved otherwise that the account is his may sign in, however often he guessed before."""
    budget = _guess_budget(user, user.email or "", address, now)
    counters.forget(budget, window=GUESS_WINDOW_SECONDS)


def sign_in(
    *, email: str, password: str, address: str, now: datetime, device_id: str = ""
) -> tuple[User, Tokens]:
    """Check the credentials and open a session. Raises what `check_credentials` raises."""
    user = check_credentials(email=email, password=password, address=address, now=now)
    return user, open_session(user=user, now=now, device_id=device_id)


def open_session(*, user: User, now: datetime, device_id: str = "") -> Tokens:
    """A session and its two tokens.

    Raises WrongCredentials when what the user was let in on has been changed since he was looked at: the same
    UPDATE that stamps the sign-in asks for it, and waits for a change that is being made.
    """
    refresh = RefreshToken()
    let_in_on = {name: getattr(user, name) for name in ENDS_SESSIONS}
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, **let_in_on).update(last_login=now):
            raise WrongCredentials
        device = None
        if device_id:
            device, _ = Device.objects.update_or_create(
                user=user, device_id=device_id, defaults={"last_seen_at": now}
            )
        session = Session.objects.create(user=user, device=device, refresh_jti=refresh["jti"], created_at=now)
    return issue(session, user, refresh)


def refresh_access(*, refresh: str) -> str:
    """A new access token, its claims written anew from the user's row. Raises TokenRefused."""
    session = _session_of(refresh)
    return str(new_access(session, session.user))


def rotate_refresh(*, refresh: str, now: datetime) -> Tokens:
    """New tokens for an old refresh token, which is good once.

    One conditional UPDATE swaps the jti, so that of parallel rotations one wins; a token that is not the
    present one was stolen or lost, and its session ends. Raises TokenRefused.
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
    """Raise TokenRefused unless the token, of either kind, is good now."""
    try:
        claims = read_access(token)
    except TokenRefused:
        _session_of(token)  # a refresh token that was traded in is not good any more
        return
    if not Session.objects.living().filter(uuid=claims.session).exists():
        raise TokenRefused


def sign_out(*, refresh: str, now: datetime) -> None:
    """End the refresh token's session: both its tokens are worth nothing from now on. Raises TokenRefused."""
    Session.objects.filter(pk=_session_of(refresh).pk).end(now=now)


def _session_of(refresh: str, *, any_generation: bool = False) -> Session:
    claims = read_refresh(refresh)
    session = Session.objects.living().select_related("user").filter(uuid=claims.session).first()
    if session is None or (session.refresh_jti != claims.jti and not any_generation):
        raise TokenRefused
    return session


def end_session(*, session: Session, now: datetime) -> None:
    """End one session, as its owner's sign-out would; one that has ended stays as it is."""
    Session.objects.filter(pk=session.pk).end(now=now)


def session_of_pages(*, user_id: int, known: str | None, now: datetime) -> UUID:
    """The session behind a browser's pages, for what asks sessions and not cookies (a socket): the `known` one while
    it lives, else a new one. No token belongs to it."""
    living = Session.objects.living().filter(user_id=user_id)
    if known and (found := living.filter(uuid=known).values_list("uuid", flat=True).first()):
        return found
    return Session.objects.create(user_id=user_id, refresh_jti=uuid4().hex, created_at=now).uuid


def end_session_of_pages(*, known: str | None, now: datetime) -> None:
    """Whoever signs out of the pages ends it; None where there was none."""
    if known:
        Session.objects.filter(uuid=known).end(now=now)


def end_all_sessions(*, user: User, now: datetime) -> None:
    """After a changed password or role, a deactivation or a deletion nothing issued before is good."""
    user.sessions.end(now=now)


def change_role(*, user: User, role: str, now: datetime) -> None:
    """Give a user another role, and end every session."""
    with transaction.atomic():
        user.role = role
        user.save(update_fields=["role"])
        end_all_sessions(user=user, now=now)


def set_active(*, user: User, is_active: bool, now: datetime) -> None:
    """Let a user in again, or out at once."""
    with transaction.atomic():
        user.is_active = is_active
        user.save(update_fields=["is_active"])
        if not is_active:
            end_all_sessions(user=user, now=now)
