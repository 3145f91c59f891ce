"""Selectors of a user together with their membership, tickets and orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from chat.queries import with_support_ticket_counts
from common.domain.caller import Caller
from customers.models import Customer, CustomerUser
from memberships.models import Membership
from memberships.queries import get_active_membership, get_membership_uuid
from memberships.renewals import renews_at
from orders.queries import with_order_counts


@dataclass(frozen=True)
class Member:
    """A user with the uuid of their membership, which is None without one. Contract 003 shows both."""

    user: User
    membership_id: UUID | None


def get_member(user: User, now: datetime) -> Member:
    """Return the user with their membership at `now`."""
    return Member(user, membership_id=get_membership_uuid(user.pk, now))


@dataclass(frozen=True)
class Profile:
    """A user with their membership and the instant of its renewal, None without one.

    `units` are those of their customer, "" if none are chosen.
    """

    user: User
    membership: Membership | None
    renews_at: datetime | None
    units: str

    @property
    def monthly_fee(self) -> Decimal | None:
        return self.membership.plan.price if self.membership else None

    @property
    def can_cancel(self) -> bool:
        return self.membership is not None

    @property
    def auto_renew(self) -> bool:
        return self.membership is not None and self.membership.ends_at is None


def get_profile(user_id: int, now: datetime) -> Profile:
    """Return the user with their membership at `now`."""
    membership = get_active_membership(user_id, now)
    due = renews_at(membership.started_at, now) if membership else None
    units = Customer.objects.filter(logins__user=user_id).values_list("units", flat=True).first()
    return Profile(User.objects.get(pk=user_id), membership, due, units or "")


def get_own_login(caller: Caller) -> QuerySet[CustomerUser]:
    """Return the caller's login, annotated with the counts of the account that it acts for."""
    rows = CustomerUser.objects.filter(user_id=caller.user_id)
    return with_support_ticket_counts(with_order_counts(rows, "customer"), "customer").order_by("pk")
