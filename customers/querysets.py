"""Rows of customers."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class CustomerQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every customer, a customer himself."""
        return self if caller.is_staff else self.filter(pk=caller.account)

    def with_contact(self) -> Self:
        """With what `name` reads."""
        return self.select_related("contact")


class NotificationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)
