"""QuerySets of sessions and referrals."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FullName(models.Func):
    """First and last name separated by a space, for a search.

    The space is part of the SQL. If it were a parameter, PostgreSQL could not match the expression with its index.
    """

    template, arg_joiner = "(%(expressions)s)", " || ' ' || "
    output_field = models.TextField()

    def __init__(self) -> None:
        super().__init__("first_name", "last_name")


class SessionQuerySet(models.QuerySet[Row]):
    def living(self) -> Self:
        """Return the sessions that have not ended and whose user is active."""
        return self.filter(ended_at=None, user__is_active=True)

    def end(self, *, now: datetime) -> int:
        """End the open sessions and return their number."""
        return self.filter(ended_at=None).update(ended_at=now)


class ReferralQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every referral for staff, and their own referrals for a customer."""
        return self if caller.is_staff else self.filter(referrer_id=caller.user_id)

    def in_order(self) -> Self:
        """Order by creation, newest first."""
        return self.order_by("-created_at", "-id")
