"""Recommendations of a vehicle: written by staff, and by the jobs that customers decline (docs/design, D73)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import transaction

from common.domain import events
from common.domain.changes import change, change_as
from common.domain.database import lock_for_share, lock_name
from common.domain.errors import DomainError
from vehicles.locks import AlreadyArchived
from vehicles.models import (
    STANDING,
    Recommendation,
    RecommendationSource,
    RecommendationStatus,
    Urgency,
    Vehicle,
)

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"dismiss": "vehicles.dismiss_recommendation"}
_NAME_LENGTH = 200  # of a job


class RecommendationIsClosed(DomainError):
    code = "recommendation_is_closed"
    title = "Recommendation is closed"
    message = "This recommendation is done or dismissed."


class RecommendationIsQuoted(DomainError):
    code = "recommendation_is_quoted"
    title = "The work is approved"
    message = "The customer approved this work. It is done or open again with its job."


class RecommendationValues(TypedDict, total=False):
    text: str
    urgency: str
    amount: Decimal | None
    due_on: date | None
    due_miles: Decimal | None


def add_recommendation(*, vehicle: Vehicle, **values: Unpack[RecommendationValues]) -> Recommendation:
    """Recommend work for a vehicle in use. Raises AlreadyArchived."""
    with transaction.atomic():
        hold_vehicle(vehicle)
        row = Recommendation.objects.create(vehicle=vehicle, source=RecommendationSource.STAFF, **values)
        events.record_new(row)
        return row


def hold_vehicle(vehicle: Vehicle) -> None:
    """Lock a vehicle for share, so that it is not moved to a new owner meanwhile. Raises AlreadyArchived."""
    lock_for_share(vehicle)
    if vehicle.archived_at is not None:
        raise AlreadyArchived


def change_recommendation(*, recommendation: Recommendation, **values: Unpack[RecommendationValues]) -> None:
    """Change a recommendation that stands. Raises RecommendationIsClosed."""
    with transaction.atomic():
        _lock(recommendation)
        if recommendation.status not in STANDING:
            raise RecommendationIsClosed
        change(recommendation, **values)


def dismiss(*, recommendation: Recommendation) -> None:
    """Dismiss an open recommendation. Raises RecommendationIsClosed, RecommendationIsQuoted."""
    with transaction.atomic():
        check_open(recommendation)
        change_as(recommendation, "dismissed", status=RecommendationStatus.DISMISSED)


def copy_standing(vehicle: Vehicle, successor: Vehicle) -> None:
    """Copy the recommendations of a vehicle that stand to the row of its new owner, as open ones.

    Of declined work only the job's name is copied. What the previous owner said stays with their row.
    """
    rows = Recommendation.objects.filter(vehicle=vehicle, status__in=STANDING).order_by("id")
    for row in rows:
        is_declined = row.source == RecommendationSource.DECLINED
        Recommendation.objects.create(
            vehicle=successor,
            source=row.source,
            code=row.code,
            text=row.text.partition("\n")[0] if is_declined else row.text,
            urgency=row.urgency,
            amount=row.amount,
            due_on=row.due_on,
            due_miles=row.due_miles,
        )


# --- Those of jobs ----------------------------------------------------------------------------------------


def hold_recommendations(vehicle_id: int) -> None:
    """Let no other transaction open or close recommendations of this vehicle's jobs until this one ends."""
    lock_name(f"recommendations:{vehicle_id}")


def get_standing(*, vehicle_id: int, code: str) -> Recommendation | None:
    """Return the recommendation of a vehicle with this code that stands, or None."""
    if not code:
        return None
    return Recommendation.objects.filter(vehicle_id=vehicle_id, code=code, status__in=STANDING).first()


def find_standing(*, vehicle_id: int, codes: Collection[str]) -> Recommendation | None:
    """Return the recommendation of a vehicle with one of these codes that stands, or None.

    Of several it is an open one, the most urgent, the latest.
    """
    if not codes:
        return None
    rows = Recommendation.objects.filter(vehicle_id=vehicle_id, code__in=codes, status__in=STANDING)
    urgency = list(Urgency.values)
    return min(
        rows,
        key=lambda row: (row.status != RecommendationStatus.OPEN, urgency.index(row.urgency), -row.pk),
        default=None,
    )


def recommend_declined(*, vehicle_id: int, code: str, text: str, amount: Decimal) -> Recommendation:
    """Recommend work that the customer declined or that was put off."""
    row = Recommendation.objects.create(
        vehicle_id=vehicle_id, source=RecommendationSource.DECLINED, code=code, text=text, amount=amount
    )
    events.record_new(row)
    return row


def reopen(recommendation: Recommendation, *, text: str, amount: Decimal) -> None:
    """Open a recommendation whose work was declined again, with the present words and amount.

    What staff or an inspection wrote stays.
    """
    is_declined = recommendation.source == RecommendationSource.DECLINED
    change_as(
        recommendation,
        RecommendationStatus.OPEN.value,
        status=RecommendationStatus.OPEN,
        amount=amount,
        text=text if is_declined else recommendation.text,
    )


def move(recommendation: Recommendation, status: str) -> None:
    """Write the state that follows from the job of a recommendation."""
    change_as(recommendation, str(status), status=status)


def text_of(name: str, concern: str) -> str:
    """Return the text of a recommendation for declined work: the job's name, and its concern below it."""
    return f"{name}\n{concern}" if concern else name


def words_of(recommendation: Recommendation) -> tuple[str, str]:
    """Return the name and the concern of a job for a recommendation: its first line, and the others.

    A first line that is too long for a name is in both.
    """
    name, _, concern = recommendation.text.partition("\n")
    if len(name) > _NAME_LENGTH:
        return name[:_NAME_LENGTH].strip(), recommendation.text
    return name, concern


def check_open(recommendation: Recommendation) -> None:
    """Lock a recommendation and read it again. Raises RecommendationIsClosed, RecommendationIsQuoted."""
    _lock(recommendation)
    if recommendation.status == RecommendationStatus.QUOTED:
        raise RecommendationIsQuoted
    if recommendation.status != RecommendationStatus.OPEN:
        raise RecommendationIsClosed


def _lock(recommendation: Recommendation) -> None:
    rows = Recommendation.objects.select_for_update()
    recommendation.refresh_from_db(from_queryset=rows)
