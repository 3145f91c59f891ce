"""Actions of a membership: join a plan, switch its renewal off and on, and cancel it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.db import IntegrityError, transaction

from common.domain import events
from common.domain.database import violates
from common.domain.errors import DomainError, IllegalTransition
from common.domain.transitions import transition, write_history
from memberships.models import MEMBERSHIP_MACHINE, Membership, MembershipStatus, Plan
from memberships.renewals import renews_at

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
    end_memberships(now=now, user_id=user_id)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(user_id=user_id, plan=plan, started_at=now)
            events.record("memberships.membership.created", membership, at=now, plan_id=plan.pk)
            return membership
    except IntegrityError as error:
        if violates(error, Membership, "one_active_membership_a_user"):
            raise AlreadyAMember from error
        raise


def cancel(*, membership: Membership, by: int | None, now: datetime, reason: str = "") -> None:
    """Cancel the membership with immediate effect. Raises IllegalTransition."""
    _end(membership, at=now, by=by, now=now, cancellation_reason=reason)


def switch_renewal(*, membership: Membership, renews: bool, by: int | None, now: datetime) -> None:
    """Let the membership renew by itself, or end at its next renewal. Raises IllegalTransition.

    Switching to what it is already changes nothing.
    """
    with transaction.atomic():
        row = Membership.objects.select_for_update(no_key=True).current(now).filter(pk=membership.pk).first()
        if row is None:
            raise IllegalTransition("This membership has ended.")
        if renews != (row.ends_at is None):
            row.ends_at = None if renews else renews_at(row.started_at, now)
            Membership.objects.filter(pk=row.pk).update(ends_at=row.ends_at)
            write_history(row, by=by, now=now, why=f"renewal: {'on' if renews else 'off'}")
            events.record("memberships.membership.changed", row, at=now)
    membership.refresh_from_db()


def end_memberships(*, now: datetime, user_id: int | None = None) -> int:
    """End the memberships that do not renew and whose last month is over. Return their number."""
    rows = Membership.objects.ended(now).order_by("id")
    ended = 0
    for membership in rows if user_id is None else rows.filter(user_id=user_id):
        assert membership.ends_at is not None  # the filter
        with suppress(IllegalTransition):  # a parallel call has ended it
            _end(membership, at=membership.ends_at, by=None, now=now)
            ended += 1
    return ended


def _end(membership: Membership, *, at: datetime, by: int | None, now: datetime, **values: object) -> None:
    transition(
        membership,
        MembershipStatus.CANCELLED,
        machine=MEMBERSHIP_MACHINE,
        by=by,
        now=now,
        values={"cancelled_at": at, **values},
    )
