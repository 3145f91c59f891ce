"""A person with everything he has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from accounts.models import User
from chat.queries import ticket_counts_of
from common.caller import Caller
from common.errors import NoCustomerRecord
from customers.models import CustomerUser
from customers.preferences import is_any_on
from memberships.queries import membership_uuid_of
from orders.queries import counts_of

AVATARS = "https://api.dicebear.com/7.x/avataaars/svg"


@dataclass(frozen=True)
class Member:
    """A user as contract 003 shows him: with his membership, None where there is none."""

    user: User
    membership_id: UUID | None


def member_of(user: User) -> Member:
    """The user with his membership."""
    return Member(user, membership_id=membership_uuid_of(user.pk))


@dataclass(frozen=True, slots=True)
class Stats:
    """What contract 002's dashboard counts."""

    open_tickets: int
    active_orders: int
    pending_refunds: int
    resolved_tickets: int


def stats_of(customer_id: int) -> Stats:
    """Three queries over indexes."""
    orders, tickets = counts_of(customer_id), ticket_counts_of(customer_id)
    return Stats(
        open_tickets=tickets.open_tickets,
        active_orders=orders.active_orders,
        pending_refunds=orders.pending_refunds,
        resolved_tickets=tickets.resolved_tickets,
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A login as contract 002 shows it, with the preferences of the account it acts for."""

    id: int
    email: str | None
    full_name: str
    avatar: str
    language: str
    notifications: bool
    theme: str
    total_orders: int
    total_tickets: int
    member_since: datetime


def person_of(caller: Caller) -> Person:
    """The caller as he stands now. Raises NoCustomerRecord when his account was deleted meanwhile."""
    logins = CustomerUser.objects.select_related("user", "customer")
    login = logins.filter(user_id=caller.user_id).first()
    if login is None:
        raise NoCustomerRecord
    user, customer = login.user, login.customer
    return Person(
        id=user.pk,
        email=user.email,
        full_name=user.full_name,
        avatar=user.avatar or avatar_of(user.full_name),
        language=customer.language,
        notifications=is_any_on(customer.notification_preferences),
        theme=customer.theme,
        total_orders=counts_of(customer.pk).total_orders,
        total_tickets=ticket_counts_of(customer.pk).total_tickets,
        member_since=customer.customer_since,
    )


def avatar_of(name: str) -> str:
    """The picture of somebody who has none, drawn from his name as contract 002 writes it: `seed=AliJawad`."""
    return f"{AVATARS}?{urlencode({'seed': ''.join(name.split())})}"
