"""Selectors of memberships."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from memberships.models import Membership


def get_active_membership(user_id: int, now: datetime) -> Membership | None:
    """Return the user's membership at `now` with its plan, or None, in one query."""
    return Membership.objects.current(now).filter(user_id=user_id).select_related("plan").first()


def get_membership_uuid(user_id: int, now: datetime) -> UUID | None:
    """Return the uuid of the user's membership at `now` or None, which is contract 003's `membershipId`."""
    return Membership.objects.current(now).filter(user_id=user_id).values_list("uuid", flat=True).first()
