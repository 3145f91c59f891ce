"""Rows of vehicles."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VehicleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every vehicle, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)
