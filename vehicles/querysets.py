"""Rows of vehicles."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.caller import Caller
from vehicles.telematics.samples import MAX_SPAN_MS

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VehicleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every vehicle, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)


class TelematicsQuerySet(models.QuerySet[Row]):
    def within(self, since: int | None, until: int | None) -> Self:
        """Batches with samples from `since` to `until` (milliseconds since 1970; None is open), perhaps.

        None spans more than a day, so that the key's index has both ends of the range.
        """
        rows = self
        if since is not None:
            rows = rows.filter(start__gte=since - MAX_SPAN_MS, end__gte=since)
        return rows if until is None else rows.filter(start__lte=until)
