"""Rows of repair orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from django.db import models
from django.db.models import Prefetch

from common.caller import Caller

if TYPE_CHECKING:
    from repair_orders.models import RepairOrder


class RepairOrderFilters(TypedDict, total=False):
    status: list[str]


class RepairOrderQuerySet(models.QuerySet["RepairOrder"]):
    def visible_to(self, caller: Caller) -> RepairOrderQuerySet:
        """Staff see every order, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: RepairOrderFilters) -> RepairOrderQuerySet:
        return self.filter(status__in=filters["status"]) if "status" in filters else self

    def with_lines(self) -> RepairOrderQuerySet:
        """With both kinds of lines, each in the order of their ids: what the totals are made of."""
        from repair_orders.models import PartLine, ServiceLine  # the models are built on this module

        return self.prefetch_related(
            Prefetch("part_lines", PartLine.objects.select_related("part").order_by("id")),
            Prefetch("service_lines", ServiceLine.objects.select_related("service").order_by("id")),
        )

    def with_details(self) -> RepairOrderQuerySet:
        """With what a row of a list shows."""
        return self.with_lines().select_related("vehicle", "customer__contact")
