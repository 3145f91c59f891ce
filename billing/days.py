"""Close days, so that the printed sheet of a day stays true (docs/design, D90)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from appointments.models import Location
from appointments.queries import local_time
from billing.models import ClosedDay
from billing.reports.base import Scope
from billing.reports.sheet import Sheet, day_sheet
from common.domain import events
from common.domain.errors import DomainError, Invalid
from common.domain.types import Json
from repair_orders.estimates.snapshot import digest, instant, shop_body

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"close": "billing.add_closedday", "view": "billing.view_closedday"}


class DayClosed(DomainError):
    """The day was closed before. The fact names when, as an instant in UTC."""

    code = "day_closed"
    title = "Already closed"

    def __init__(self, closed: ClosedDay) -> None:
        super().__init__(
            f"{closed.day} was closed before. What is posted now counts on the next day.",
            field="day",
            closed_at=instant(closed.closed_at),
        )


class DayInFuture(Invalid):
    code = "day_in_future"
    message = "This day has not begun at the location. Close today or a past day."


def close_day(
    location: Location,
    day: date,
    *,
    cash_counted: Decimal | None,
    note: str,
    by: int | None,
    now: datetime,
) -> ClosedDay:
    """Close today or a past day of a location, and store its sheet. What is posted later counts on the next day.

    `cash_counted` is the money of the day that is in the till, None if it was not counted. Every posting holds the
    location for share until it ends. The location is locked here, so that the sheet has all that counts on the day.
    Raises DayClosed, DayInFuture.
    """
    with transaction.atomic():
        location = Location.objects.select_for_update(no_key=True).get(pk=location.pk)
        if day > local_time(location, now).date():
            raise DayInFuture(field="day")
        before = ClosedDay.objects.filter(location=location, day=day).first()
        if before is not None:
            raise DayClosed(before)
        sheet = day_sheet(Scope(day, day, location))
        snapshot = _snapshot(sheet, location, day, cash_counted=cash_counted, note=note, by=by, now=now)
        closed = ClosedDay.objects.create(
            location=location,
            day=day,
            closed_at=now,
            closed_by_id=by,
            cash_counted=cash_counted,
            note=note,
            snapshot=snapshot,
            digest=digest(snapshot),
        )
        events.record("billing.closedday.created", closed, at=now)
        return closed


def find_closed(location: Location, day: date) -> ClosedDay | None:
    """Return the closing of a day, or None while it is open."""
    return ClosedDay.objects.filter(location=location, day=day).first()


def _snapshot(
    sheet: Sheet,
    location: Location,
    day: date,
    *,
    cash_counted: Decimal | None,
    note: str,
    by: int | None,
    now: datetime,
) -> Json:
    user = None if by is None else User.objects.filter(pk=by).first()
    return {
        "shop": shop_body(location),
        "day": day.isoformat(),
        "closed_at": instant(now),
        "closed_by": "" if user is None else str(user),
        "zone": location.time_zone,
        "sections": sheet.bodies,
        "cash_counted": None if cash_counted is None else str(cash_counted),
        "cash_expected": str(sheet.cash),
        "cash_difference": None if cash_counted is None else str(cash_counted - sheet.cash),
        "note": note,
    }
