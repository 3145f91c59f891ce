"""A person with everything he has."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User


@dataclass(frozen=True)
class Member:
    """A user as contract 003 shows him: with his membership, None where there is none."""

    user: User
    membership_id: UUID | None


def member_of(user: User) -> Member:
    """The user with his membership. Nobody has one while there is no room for memberships: this is its place."""
    return Member(user, membership_id=None)
