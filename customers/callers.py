"""Load the caller of a request: an open session with its user, their customer and the customer's name."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from uuid import UUID

from django.db.models import BigIntegerField, UUIDField

from accounts.models import Session, User
from common.domain.caller import Caller
from common.reads.statements import Param, Statement
from customers.models import CustomerUser
from customers.names import customer_name

_NAMES = ("company_name", "contact__first_name", "contact__last_name")
_COLUMNS = (
    "user__role",
    "user_id",
    "user__customer_login__customer_id",
    "user__customer_login__role",
    *(f"user__customer_login__customer__{name}" for name in _NAMES),
)


@cache
def _statement() -> Statement:
    return Statement.compile(Session.objects.living().filter(uuid=Param("session", UUIDField())), _COLUMNS)


def load_caller(session: UUID) -> Caller | None:
    """Return the caller of a session, or None if it has ended or its user is inactive. Costs one query."""
    found = _statement().run({"session": session})
    if not found:
        return None
    return _caller(session, *found[0])


def load_callers(sessions: Collection[UUID]) -> dict[UUID, Caller]:
    """Return the callers of the open sessions among `sessions`. Costs one query."""
    rows = Session.objects.living().filter(uuid__in=sessions).values_list("uuid", *_COLUMNS)
    return {session: _caller(session, *row) for session, *row in rows}


def _caller(
    session: UUID,
    role: str,
    user_id: int,
    customer_id: int | None,
    login_role: str | None,
    *names: str | None,
) -> Caller:
    if customer_id is None or login_role is None:
        return Caller(role, user_id, None, session=session)
    return Caller(role, user_id, customer_id, customer_name(*names), session, login_role)


def caller_of_user(user: User) -> Caller:
    """Return the caller of a user who is known without a token: a Django session, a task, a test. Costs one query."""
    for customer_id, login_role, *names in _login_statement().run({"user": user.pk}):
        return Caller(user.role, user.pk, customer_id, customer_name(*names), login_role=login_role)
    return Caller(user.role, user.pk, None)


@cache
def _login_statement() -> Statement:
    logins = CustomerUser.objects.filter(user_id=Param("user", BigIntegerField()))
    return Statement.compile(logins, ("customer_id", "role", *(f"customer__{name}" for name in _NAMES)))
