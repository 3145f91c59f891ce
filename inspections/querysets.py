"""QuerySets of templates, inspections and findings."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class TemplateItemQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all items. A caller who may see a template may see its items."""
        return self

    def in_order(self) -> Self:
        return self.order_by("position", "id")


class InspectionQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every inspection for staff, and the finished ones of the customer's own orders for a customer."""
        if caller.is_staff:
            return self
        return self.filter(repair_order__customer_id=caller.account, finished_at__isnull=False)


class FindingQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all findings. A caller who may see an inspection may see its findings."""
        return self

    def in_order(self) -> Self:
        return self.order_by("position", "id")


class FindingPhotoQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all photos. A caller who may see a finding may see its photos."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")
