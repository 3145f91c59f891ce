"""Referrals and the ledger of reward points.

A balance is the sum of its ledger. One statement changes it, in the transaction that writes the ledger entry
(docs/decisions/0017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import REFERRAL_MACHINE, Referral, ReferralStatus, RewardEntry, User
from common.domain import events
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid
from common.domain.transitions import transition


class UnknownReferralCode(Invalid):
    code = "unknown_referral_code"
    title = "Unknown referral code"
    message = "No active account has this referral code."


class OwnReferralCode(Invalid):
    code = "own_referral_code"
    title = "Own referral code"
    message = "This is your own referral code."


class ColleagueReferralCode(Invalid):
    """A company would earn points with logins that it makes itself."""

    code = "colleague_referral_code"
    title = "Referral code of your own company"
    message = "This is the code of a login of your own company. Points are for new customers."


class AlreadyReferred(DomainError):
    """A user can be referred once."""

    code = "already_referred"
    title = "Already referred"
    message = "A referral code has already been applied to this account."


class NotEnoughPoints(DomainError):
    """A balance cannot be negative."""

    code = "not_enough_points"
    title = "Not enough points"
    message = "The balance has fewer points than this entry takes away."


# Returns the ids of the users who act for the same customer. Rooms above register it, because customers are theirs.
Colleagues = Callable[[int], Iterable[int]]
_colleagues: list[Colleagues] = []


def register_colleagues(find: Colleagues) -> None:
    """Let `find(user_id)` name users who never earn points with this user."""
    if find not in _colleagues:
        _colleagues.append(find)


def _colleagues_of(user_id: int) -> set[int]:
    return {colleague for find in _colleagues for colleague in find(user_id)}


def referral_link(code: str) -> str:
    """Return the URL with which a user shares their code."""
    return f"{settings.REFERRAL_LINK}{code}"


def refer(*, friend_id: int, code: str, now: datetime) -> Referral:
    """Record that the owner of `code` referred this user. The code matches in upper and lower case.

    Raises UnknownReferralCode (also for the code of an inactive user), OwnReferralCode, ColleagueReferralCode,
    AlreadyReferred.
    """
    code = code.strip().upper()
    referrer = User.objects.filter(referral_code=code, is_active=True).first()
    if referrer is None:
        raise UnknownReferralCode(field="referral_code")
    if referrer.pk == friend_id:
        raise OwnReferralCode(field="referral_code")
    if referrer.pk in _colleagues_of(friend_id):
        raise ColleagueReferralCode(field="referral_code")
    try:
        with transaction.atomic():
            referral = Referral.objects.create(
                referrer=referrer, referred_id=friend_id, code=code, created_at=now
            )
            events.record("accounts.referral.created", referral, at=now)
            return referral
    except IntegrityError as error:
        if violates(error, Referral, "referred_once"):
            raise AlreadyReferred from error
        raise


def credit_referrals(*, friends: Iterable[int], by: int | None, now: datetime) -> None:
    """Credit `REFERRAL_REWARD` points to the referrers of these users, once for each user.

    A referrer who has become a login of the same customer gets none. The referral stays `signed_up`.
    """
    points = settings.REFERRAL_REWARD
    with transaction.atomic():
        # The rows are locked, so that a parallel call finds them credited and skips them.
        waiting = Referral.objects.select_for_update().filter(
            referred__in=friends, status=ReferralStatus.SIGNED_UP
        )
        for referral in waiting.order_by("referrer_id", "id"):
            if referral.referrer_id in _colleagues_of(referral.referred_id):
                continue
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
    """Add points to a user's balance. A negative number reduces it.

    Raises NotEnoughPoints, without a change, if the balance would fall below zero.
    """
    with transaction.atomic():
        moved = User.objects.filter(pk=user_id, rewards_balance__gte=-points).update(
            rewards_balance=F("rewards_balance") + points
        )
        if not moved:
            raise NotEnoughPoints
        entry = RewardEntry.objects.create(
            user_id=user_id, points=points, reason=reason, referral=referral, created_at=now
        )
        events.record("accounts.rewardentry.created", entry, at=now, points=points)
        return entry
