"""QuerySets of orders, returns and their lines."""

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
        """Return every order for staff, and the customer's own orders otherwise."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: OrderFilters) -> Self:
        """Apply the filters. `search` matches a substring of the order's number, such as `ORD12`."""
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "search" in filters:
            number = Concat(Value("ORD"), Cast(F("id"), CharField()))
            rows = rows.alias(order_number=number).filter(order_number__icontains=filters["search"])
        return rows

    def expired(self, now: object) -> Self:
        """Return the orders that were not paid in time and are not cancelled yet."""
        return self.filter(status="placed", expires_at__lte=now)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class OrderItemQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all items: they are read through an order that is visible to the caller."""
        return self

    def in_order(self) -> Self:
        return self.order_by("id")

    def returnable(self) -> Self:
        """Return the items that are in no return, or only in refused ones."""
        return self.exclude(return_lines__is_refused=False)


class ReturnQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every return for staff, and the customer's own returns otherwise."""
        return self if caller.is_staff else self.filter(order__customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def in_order(self) -> Self:
        return self.order_by("id")


class ReturnLineQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all lines: they are read through a return that is visible to the caller."""
        return self

    def in_order(self) -> Self:
        return self.order_by("item_id")
