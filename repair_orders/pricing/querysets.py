"""QuerySets of a location's prices and of customers' exemption certificates."""

from __future__ import annotations

from datetime import date
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FeeRuleQuerySet(models.QuerySet[Row]):
    def in_force(self) -> Self:
        """Return the active rules. Percent rules of a location that forbids them are left out."""
        allowed = Q(location__allows_percent_fees=True) | Q(percent=None)  # only percent fees have a percent
        return self.filter(allowed, is_active=True)


class TaxExemptionQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every certificate for staff, and none for a customer. No contract shows them."""
        return self if caller.is_staff else self.none()

    def valid_on(self, day: date) -> Self:
        """Return the certificates that are valid on a local day of the location. Both ends are inclusive."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gte=day), valid_from__lte=day)
