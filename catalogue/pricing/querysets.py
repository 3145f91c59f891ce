"""QuerySets of the bands of a price matrix and the lines of a canned job."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class BandQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all bands. A caller who may see a matrix may see its bands."""
        return self

    def in_order(self) -> Self:
        return self.order_by("from_cost", "id")


class CannedLineQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all lines. A caller who may see a canned job may see its lines."""
        return self

    def in_order(self) -> Self:
        return self.order_by("position", "id")
