"""Who brings whom, and what it earns: referrals and the ledger of reward points.

A balance moves in one statement, in the transaction that writes its line of the ledger; it is the ledger's sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import REFERRAL_MACHINE, Referral, ReferralStatus, RewardEntry, User
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid
from common.domain.transitions import transition


class UnknownReferralCode(Invalid):
    code = "unknown_referral_code"
    title = "Unknown referral code"
    message = "Nobody has this referral code."


class OwnReferralCode(Invalid):
    code = "own_referral_code"
    title = "Own referral code"
    message = "This is your own referral code."


class AlreadyReferred(DomainError):
    """A person is brought by one other, for ever."""

    code = "already_referred"
    title = "Already referred"
    message = "A referral code has been applied to this account already."


class NotEnoughPoints(DomainError):
    """A balance is never less than nothing."""

    code = "not_enough_points"
    title = "Not enough points"
    message = "There are not so many points on this balance."


def referral_link(code: str) -> str:
    """The address that somebody passes on to his friends."""
    return f"{settings.REFERRAL_LINK}{code}"


def refer(*, friend_id: int, code: str, now: datetime) -> Referral:
    """Write down that the owner of `code`, in any case, has brought this user.

    Raises UnknownReferralCode (also for the code of somebody who may no longer come in), OwnReferralCode,
    AlreadyReferred.
    """
    code = code.strip().upper()
    referrer = User.objects.filter(referral_code=code, is_active=True).first()
    if referrer is None:
        raise UnknownReferralCode(field="referral_code")
    if referrer.pk == friend_id:
        raise OwnReferralCode(field="referral_code")
    try:
        with transaction.atomic():
            return Referral.objects.create(
                referrer=referrer, referred_id=friend_id, code=code, created_at=now
            )
    except IntegrityError as error:
        if violates(error, Referral, "referred_once"):
            raise AlreadyReferred from error
        raise


def credit_referrals(*, friends: Iterable[int], by: int | None, now: datetime) -> None:
    """Reward whoever brought these users, once each: `REFERRAL_REWARD` points."""
    points = settings.REFERRAL_REWARD
    with transaction.atomic():
        # Locked: of two who come at once, the second finds it credited and passes over it.
        waiting = Referral.objects.select_for_update().filter(
            referred__in=friends, status=ReferralStatus.SIGNED_UP
        )
        for referral in waiting.order_by("referrer_id", "id"):
            transition(
                referral,
                ReferralStatus.CREDITED,
                machine=REFERRAL_MACHINE,
                by=by,
                now=now,
                values={"rewards_applied": {"points": points}},
            )
            book_points(
                user_id=referral.referrer_id,
                points=points,
                reason="A friend's first repair",
                now=now,
                referral=referral,
            )


def book_points(
    *, user_id: int, points: int, reason: str, now: datetime, referral: Referral | None = None
) -> RewardEntry:
    """Put points on a user's balance, or take some off when `points` is negative.

    Raises NotEnoughPoints, changing nothing, when the balance would fall below zero.
    """
    with transaction.atomic():
        moved = User.objects.filter(pk=user_id, rewards_balance__gte=-points).update(
            rewards_balance=F("rewards_balance") + points
        )
        if not moved:
            raise NotEnoughPoints
        return RewardEntry.objects.create(
            user_id=user_id, points=points, reason=reason, referral=referral, created_at=now
        )
