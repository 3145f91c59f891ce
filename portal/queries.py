"""Selectors of a user together with their membership, tickets and orders."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from chat.queries import with_support_ticket_counts
from common.domain.caller import Caller
from customers.models import CustomerUser
from memberships.queries import get_membership_uuid
from orders.queries import with_order_counts


@dataclass(frozen=True)
class Member:
    """A user with the uuid of their membership, which is None without one. Contract 003 shows both."""

    user: User
    membership_id: UUID | None


def get_member(user: User) -> Member:
    """Return the user with their membership."""
    return Member(user, membership_id=get_membership_uuid(user.pk))


def get_own_login(caller: Caller) -> QuerySet[CustomerUser]:
    """Return the caller's login, annotated with the counts of the account that it acts for."""
    rows = CustomerUser.objects.filter(user_id=caller.user_id)
    return with_support_ticket_counts(with_order_counts(rows, "customer"), "customer").order_by("pk")
