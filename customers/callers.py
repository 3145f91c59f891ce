"""The one look-up of a request: a living session with its user, the customer he acts for, and that one's name."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Session, User
from common.caller import Caller
from customers.models import CustomerUser
from customers.names import customer_name

_CUSTOMER = "user__customer_login__customer"


def load_caller(session: UUID) -> Caller | None:
    """The caller of a session, None when it has ended or its user may no longer come in. One query."""
    row = (
        Session.objects.living()
        .filter(uuid=session)
        .values_list(
            "user__role",
            "user_id",
            "user__customer_login__customer_id",
            f"{_CUSTOMER}__company_name",
            f"{_CUSTOMER}__contact__first_name",
            f"{_CUSTOMER}__contact__last_name",
        )
        .first()
    )
    if row is None:
        return None
    role, user_id, customer_id, *names = row
    return Caller(role, user_id, customer_id, customer_name(*names) if customer_id else "", session)


def caller_of_user(user: User) -> Caller:
    """The caller of somebody known by other means: a Django session, a task, a test."""
    login = CustomerUser.objects.filter(user=user).select_related("customer__contact").first()
    if login is None:
        return Caller(user.role, user.pk, None)
    return Caller(user.role, user.pk, login.customer_id, login.customer.name)
