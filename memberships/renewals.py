"""The renewal date of a membership."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from common.domain.days import add_months

if TYPE_CHECKING:
    from memberships.models import Membership


def renews_at(started_at: datetime, now: datetime) -> datetime:
    """Return the first instant after `now` that is a whole number of months after the start, in UTC.

    A membership that started on the 31st renews on the last day of a shorter month, and on the 31st of the next month
    that has one.
    """
    months = 12 * (now.year - started_at.year) + now.month - started_at.month
    due = add_months(started_at, max(1, months))
    return due if due > now else add_months(started_at, months + 1)


def ends_or_renews_at(membership: Membership, now: datetime) -> datetime:
    """Return when a membership ends, or renews if it does so by itself."""
    return membership.ends_at or renews_at(membership.started_at, now)


def months_begun(started_at: datetime, until: datetime) -> int:
    """Return how many months of a membership have begun before `until`: at least the first one."""
    months = 12 * (until.year - started_at.year) + until.month - started_at.month
    return max(1, months + (add_months(started_at, months) < until))
