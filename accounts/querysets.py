"""Rows of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FullName(models.Func):
    """First and last name as they are written, for a search: of an expression with its space as a parameter,
    PostgreSQL could not tell that its index has the same."""

    template, arg_joiner = "(%(expressions)s)", " || ' ' || "
    output_field = models.TextField()

    def __init__(self) -> None:
        super().__init__("first_name", "last_name")


class SessionQuerySet(models.QuerySet[Row]):
    def living(self) -> Self:
        """Sessions that have not ended and whose user may still come in."""
        return self.filter(ended_at=None, user__is_active=True)

    def end(self, *, now: datetime) -> int:
        """End those that have not ended; how many there were."""
        return self.filter(ended_at=None).update(ended_at=now)


class ReferralQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every referral, a customer those whom he brought."""
        return self if caller.is_staff else self.filter(referrer_id=caller.user_id)

    def in_order(self) -> Self:
        """Newest first."""
        return self.order_by("-created_at", "-id")
