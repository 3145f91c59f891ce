"""QuerySets of parking spots."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ParkingSpotQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return the user's own spots. Where a person parks concerns no one else, staff included."""
        return self.filter(user_id=caller.user_id)

    def active(self) -> Self:
        """Return the spots where a vehicle still stands."""
        return self.filter(cleared_at=None)
