"""QuerySets of passport links."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models
from django.db.models import F, Q

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class PassportLinkQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all links for staff, and those of their own vehicles for a customer."""
        return self if caller.is_staff else self.filter(vehicle__customer_id=caller.account)

    def live(self, now: datetime) -> Self:
        """Return the links that open a passport."""
        return self.filter(withdrawn_at=None, expires_at__gt=now)

    def passed_on(self) -> Self:
        """Return the links whose history the next owner keeps: they worked on the day of the hand-over.

        What happens to them later changes nothing.
        """
        handed_over = F("vehicle__archived_at")
        return self.filter(
            Q(withdrawn_at=None) | Q(withdrawn_at__gt=handed_over),
            for_next_owner=True,
            vehicle__continued_by__isnull=False,
            created_at__lte=handed_over,
            expires_at__gt=handed_over,
        )

    def newest_first(self) -> Self:
        return self.order_by("-id")
