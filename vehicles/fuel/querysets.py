"""QuerySets of fuel logs."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FuelLogQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all fuel logs for staff, and those of their own vehicles in use for a customer."""
        if caller.is_staff:
            return self
        return self.filter(vehicle__customer_id=caller.account, vehicle__archived_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-miles", "-id")

    def in_order(self) -> Self:
        """Return the logs in the order of the odometer's ledger, which consumption needs."""
        return self.order_by("reading__at", "reading_id")
