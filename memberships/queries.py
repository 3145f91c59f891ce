"""Who is a member of what."""

from __future__ import annotations

from uuid import UUID

from memberships.models import Membership


def active_membership(user_id: int) -> Membership | None:
    """The user's one membership, None when he has none. One query."""
    return Membership.objects.active().filter(user_id=user_id).first()


def membership_uuid_of(user_id: int) -> UUID | None:
    """`membershipId` of the user's body in contract 003."""
    return Membership.objects.active().filter(user_id=user_id).values_list("uuid", flat=True).first()
