"""Rows of orders and returns."""

from __future__ import annotations

from typing import Self, TypedDict, TypeVar

from django.db import models
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class OrderFilters(TypedDict, total=False):
    status: list[str]
    search: str


class OrderQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every order, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: OrderFilters) -> Self:
        """`search` is a part of the order's number, as it is spelled: `ORD12`."""
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "search" in filters:
            spelled = Concat(Value("ORD"), Cast(F("id"), CharField()))
            rows = rows.alias(spelled=spelled).filter(spelled__icontains=filters["search"])
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class OrderItemQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Who sees an order sees its items."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")

    def still_there(self) -> Self:
        """Those in no return, or in refused ones alone."""
        return self.exclude(return_lines__is_refused=False)


class ReturnQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every return, a customer his own."""
        return self if caller.is_staff else self.filter(order__customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class ReturnLineQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Who sees a return sees its items."""
        return self

    def in_order(self) -> Self:
        return self.order_by("item_id")
