"""Selectors of memberships."""

from __future__ import annotations

from uuid import UUID

from memberships.models import Membership


def get_active_membership(user_id: int) -> Membership | None:
    """Return the user's active membership or None, in one query."""
    return Membership.objects.active().filter(user_id=user_id).first()


def get_membership_uuid(user_id: int) -> UUID | None:
    """Return the uuid of the user's active membership or None, which is contract 003's `membershipId`."""
    return Membership.objects.active().filter(user_id=user_id).values_list("uuid", flat=True).first()
