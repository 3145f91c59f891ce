"""QuerySets of trouble codes."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class DtcQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all codes for staff, and those of their own vehicles in use for a customer."""
        if caller.is_staff:
            return self
        return self.filter(vehicle__customer_id=caller.account, vehicle__archived_at=None)

    def open(self) -> Self:
        """Return the codes that are not cleared."""
        return self.filter(cleared_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-seen_at", "-id")
