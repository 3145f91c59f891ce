"""When regular work is due, as pure functions (docs/design, D131)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Due:
    """The day and the miles at which work is due, by whichever comes first. None is no limit."""

    on: date | None
    miles: Decimal | None


def add_months(day: date, months: int) -> date:
    """Return the day that many months later. A day that the month lacks is its last day: 31 January + 1 = 28 February.

    It is counted from `day` each time, so that 31 January + 2 is 31 March.
    """
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def next_due(
    *, on: date, miles: Decimal | None, interval_months: int | None, interval_miles: int | None
) -> Due:
    """Return when work is due that was last done on a day at some miles. Unknown miles give no limit of miles."""
    return Due(
        on=None if interval_months is None else add_months(on, interval_months),
        miles=None if interval_miles is None or miles is None else miles + interval_miles,
    )
