"""Querysets of vehicles and telematics batches."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models
from django.db.models.functions import Upper
from django.db.models.lookups import Exact

from common.domain.caller import Caller
from common.reads.statements import Param, as_expression
from vehicles.labels import label_of
from vehicles.telematics.samples import MAX_SPAN_MS

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VehicleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all vehicles for staff, and their own vehicles for a customer."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> Self:
        """Return the vehicles that are not archived."""
        return self.filter(archived_at=None)

    def with_label(self, label: str | Param) -> Self:
        """Return the vehicles with this label, ignoring case.

        Labels are not unique: two vehicles without a unit number can have the same license plate.
        """
        wanted = as_expression(label, models.CharField())
        return self.filter(Exact(Upper(label_of()), Upper(wanted)))


class OdometerReadingQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all readings for staff, and those of their own vehicles for a customer."""
        return self if caller.is_staff else self.filter(vehicle__customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class RecommendationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all recommendations for staff, and those of their own vehicles for a customer."""
        return self if caller.is_staff else self.filter(vehicle__customer_id=caller.account)


class TelematicsQuerySet(models.QuerySet[Row]):
    def within(self, since: int | None, until: int | None) -> Self:
        """Return the batches that may have samples from `since` to `until` (milliseconds since 1970, None is open).

        No batch spans more than a day. The lower bound on `start` follows from that, so that the index of the unique
        key covers both ends of the range.
        """
        rows = self
        if since is not None:
            rows = rows.filter(start__gte=since - MAX_SPAN_MS, end__gte=since)
        return rows if until is None else rows.filter(start__lte=until)
