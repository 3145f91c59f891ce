"""Actions on trouble codes (docs/design, D132)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from common.domain import events
from common.domain.changes import change_as, change_silently
from common.domain.errors import DomainError, Invalid
from vehicles.codes.meaning import describe, is_code, normalize_code
from vehicles.codes.models import Dtc, DtcSource
from vehicles.locks import lock_in_use
from vehicles.models import (
    Recommendation,
    RecommendationSource,
    RecommendationStatus,
    Urgency,
    Vehicle,
)
from vehicles.recommendations import get_standing, hold_recommendations

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"clear": "vehicles.clear_dtc"}
_CODE = "dtc:"


class NotACode(Invalid):
    code = "not_a_code"
    title = "No trouble code"
    message = "A trouble code has a letter (P, C, B or U), a digit from 0 to 3 and three more of 0–9 and A–F: P0301."


class SeenInTheFuture(Invalid):
    code = "seen_in_the_future"
    title = "Code is from the future"
    message = "A code cannot be seen in the future."


class AlreadyCleared(DomainError):
    code = "already_cleared"
    title = "Code is cleared"
    message = "This code is already cleared."


def report_code(
    *, vehicle: Vehicle, code: str, now: datetime, at: datetime | None = None, note: str = ""
) -> Dtc:
    """Report a code that a scanner shows, and return its open row. A code that is open already was seen again.

    Raises AlreadyArchived, NotACode, SeenInTheFuture.
    """
    code = normalize_code(code)
    if not is_code(code):
        raise NotACode(field="code")
    if at is not None and at > now:
        raise SeenInTheFuture(field="at")
    with transaction.atomic():
        lock_in_use(vehicle)
        row = _see(vehicle, code, at or now, DtcSource.MANUAL)
        if note:
            change_silently(row, note=note)
        return row


def see_codes(*, vehicle: Vehicle, seen: Mapping[str, Sequence[datetime]]) -> None:
    """Store when a dongle has seen each code: times in ascending order, one or more for each code.

    Times before the code was last cleared are those of a batch that came late, and do not open it again.
    """
    with transaction.atomic():
        vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update(no_key=True))
        for code, times in sorted(seen.items()):
            cleared = Dtc.objects.filter(vehicle=vehicle, code=code, cleared_at__isnull=False)
            last = cleared.order_by("-cleared_at").values_list("cleared_at", flat=True).first()
            for at in {times[0], times[-1]}:
                if last is None or at > last:
                    _see(vehicle, code, at, DtcSource.TELEMATICS)


def clear(*, dtc: Dtc, now: datetime) -> None:
    """Clear a code, and close its recommendation unless the customer has approved the work.

    Raises AlreadyArchived, AlreadyCleared.
    """
    with transaction.atomic():
        lock_in_use(dtc.vehicle)
        dtc.refresh_from_db()
        if dtc.cleared_at is not None:
            raise AlreadyCleared
        change_as(
            dtc, "cleared", cleared_at=max(now, dtc.seen_at)
        )  # a dongle's clock may be ahead by minutes
        hold_recommendations(dtc.vehicle_id)
        row = get_standing(vehicle_id=dtc.vehicle_id, code=f"{_CODE}{dtc.code}")
        if row is not None and row.status == RecommendationStatus.OPEN:
            change_as(row, "dismissed", status=RecommendationStatus.DISMISSED)


def copy_open(vehicle: Vehicle, successor: Vehicle) -> None:
    """Copy the open codes of a vehicle to the row of its new owner, without notes."""
    Dtc.objects.bulk_create(
        Dtc(
            vehicle=successor, code=row.code, source=row.source, first_seen_at=row.first_seen_at, seen_at=row.seen_at
        )
        for row in Dtc.objects.filter(vehicle=vehicle).open().order_by("id")
    )  # fmt: skip


def join_codes(*, vehicle: Vehicle, twin: Vehicle) -> None:
    """Give the codes of a vehicle to another row of the same vehicle of the same customer.

    A code that is open on both is seen on the twin.
    """
    open_codes = twin.codes.open().values_list("code", flat=True)
    for row in Dtc.objects.filter(vehicle=vehicle).open().filter(code__in=list(open_codes)):
        for at in (row.first_seen_at, row.seen_at):
            _see(twin, row.code, at, row.source)
        row.delete()
    Dtc.objects.filter(vehicle=vehicle).update(vehicle=twin)


def _see(vehicle: Vehicle, code: str, at: datetime, source: str) -> Dtc:
    """Return the open row of a code that was seen on a locked vehicle. A new one recommends its diagnosis."""
    row = Dtc.objects.filter(vehicle=vehicle, code=code).open().first()
    if row is None:
        _recommend(vehicle, code)
        row = Dtc.objects.create(vehicle=vehicle, code=code, source=source, first_seen_at=at, seen_at=at)
        events.record_new(row, code=code)
        return row
    change_silently(row, first_seen_at=min(row.first_seen_at, at), seen_at=max(row.seen_at, at))
    return row


def _recommend(vehicle: Vehicle, code: str) -> None:
    hold_recommendations(vehicle.pk)
    if get_standing(vehicle_id=vehicle.pk, code=f"{_CODE}{code}") is None:
        row = Recommendation.objects.create(
            vehicle=vehicle,
            source=RecommendationSource.DTC,
            code=f"{_CODE}{code}",
            text=f"Trouble code {code}\n{describe(code)}",
            urgency=Urgency.SOON,
        )
        events.record_new(row)
