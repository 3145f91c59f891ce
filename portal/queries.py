"""A person with everything he has."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.names import full_name
from chat.queries import with_support_ticket_counts
from common.domain.caller import Caller
from customers.models import CustomerUser
from memberships.queries import membership_uuid_of
from orders.queries import with_order_counts

AVATARS = "https://api.dicebear.com/7.x/avataaars/svg"


@dataclass(frozen=True)
class Member:
    """A user as contract 003 shows him: with his membership, None where there is none."""

    user: User
    membership_id: UUID | None


def member_of(user: User) -> Member:
    """The user with his membership."""
    return Member(user, membership_id=membership_uuid_of(user.pk))


def own_login(caller: Caller) -> QuerySet[CustomerUser]:
    """The caller's login, with the figures of the account that it acts for."""
    rows = CustomerUser.objects.filter(user_id=caller.user_id)
    return with_support_ticket_counts(with_order_counts(rows, "customer"), "customer").order_by("pk")


def avatar_of(given: str, first: str, last: str) -> str:
    """Somebody's picture; of one who has none it is drawn from his name as contract 002 writes it: `seed=AliJawad`."""
    return given or f"{AVATARS}?{urlencode({'seed': ''.join(full_name(first, last).split())})}"
