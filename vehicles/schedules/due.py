"""Due dates of regular work, as pure functions (docs/design, D131)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from common.domain.days import add_months
from common.domain.units import MAX_MILES


@dataclass(frozen=True, slots=True)
class Due:
    """The day and the miles at which work is due, by whichever comes first. None is no limit."""

    on: date | None
    miles: Decimal | None


def next_due(
    *, on: date, miles: Decimal | None, interval_months: int | None, interval_miles: int | None
) -> Due:
    """Return when work is due that was last done on a day at some miles. Unknown miles give no limit of miles.

    The limit is at most what an odometer can show.
    """
    return Due(
        on=None if interval_months is None else add_months(on, interval_months),
        miles=None if interval_miles is None or miles is None else min(miles + interval_miles, MAX_MILES),
    )
