"""Rows of vehicles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from common.caller import Caller

if TYPE_CHECKING:
    from vehicles.models import Vehicle


class VehicleQuerySet(models.QuerySet["Vehicle"]):
    def visible_to(self, caller: Caller) -> VehicleQuerySet:
        """Staff see every vehicle, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> VehicleQuerySet:
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def with_customer(self) -> VehicleQuerySet:
        """With what a customer's name and address read."""
        return self.select_related("customer__contact")
