"""Rows of repair orders."""

from __future__ import annotations

from typing import Self, TypedDict, TypeVar

from django.db import models

from common.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class LineQuerySet(models.QuerySet[Row]):
    """Lines of either kind."""

    def visible_to(self, caller: Caller) -> Self:
        """Who sees an order sees its lines."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")


class RepairOrderFilters(TypedDict, total=False):
    status: list[str]


class RepairOrderQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every order, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: RepairOrderFilters) -> Self:
        return self.filter(status__in=filters["status"]) if "status" in filters else self
