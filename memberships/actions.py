"""Actions of a membership: join a plan and cancel the membership."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from common.domain.database import violates
from common.domain.errors import DomainError
from common.domain.transitions import transition
from memberships.models import MEMBERSHIP_MACHINE, Membership, MembershipStatus, Plan

# The permission that each action requires in the admin.
PERMISSIONS = {"cancel": "memberships.cancel_membership"}


class AlreadyAMember(DomainError):
    """A user has at most one active membership.

    To change plans, a user cancels and joins again. Nothing is prorated.
    """

    code = "already_a_member"
    title = "Already a member"
    message = "You have an active membership. Leave it before you join another plan."


def join(*, user_id: int, plan: Plan, now: datetime) -> Membership:
    """Create the user's membership of the plan, starting now. Raises AlreadyAMember."""
    try:
        with transaction.atomic():
            return Membership.objects.create(user_id=user_id, plan=plan, started_at=now)
    except IntegrityError as error:
        if violates(error, Membership, "one_active_membership_a_user"):
            raise AlreadyAMember from error
        raise


def cancel(*, membership: Membership, by: int | None, now: datetime) -> None:
    """Cancel the membership with immediate effect. Raises IllegalTransition."""
    transition(
        membership,
        MembershipStatus.CANCELLED,
        machine=MEMBERSHIP_MACHINE,
        by=by,
        now=now,
        values={"cancelled_at": now},
    )
