"""A person with everything he has."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from memberships.queries import membership_uuid_of


@dataclass(frozen=True)
class Member:
    """A user as contract 003 shows him: with his membership, None where there is none."""

    user: User
    membership_id: UUID | None


def member_of(user: User) -> Member:
    """The user with his membership."""
    return Member(user, membership_id=membership_uuid_of(user.pk))
