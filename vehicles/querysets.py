"""Rows of vehicles."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.functions import Upper
from django.db.models.lookups import Exact

from common.domain.caller import Caller
from common.reads.params import as_expression
from vehicles.labels import label_of
from vehicles.telematics.samples import MAX_SPAN_MS

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VehicleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every vehicle, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def called(self, label: Any) -> Self:
        """Those that people call so, in whatever case; of two with one plate and no number, both."""
        named = as_expression(label, models.CharField())
        return self.filter(Exact(Upper(label_of()), Upper(named)))


class TelematicsQuerySet(models.QuerySet[Row]):
    def within(self, since: int | None, until: int | None) -> Self:
        """Batches with samples from `since` to `until` (milliseconds since 1970; None is open), perhaps.

        None spans more than a day, so that the key's index has both ends of the range.
        """
        rows = self
        if since is not None:
            rows = rows.filter(start__gte=since - MAX_SPAN_MS, end__gte=since)
        return rows if until is None else rows.filter(start__lte=until)
