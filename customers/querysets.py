"""Rows of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from common.caller import Caller

if TYPE_CHECKING:
    from customers.models import Customer, Notification


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, caller: Caller) -> CustomerQuerySet:
        """Staff see every customer, a customer himself."""
        return self if caller.is_staff else self.filter(pk=caller.account)

    def with_contact(self) -> CustomerQuerySet:
        """With what `name` reads."""
        return self.select_related("contact")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, caller: Caller) -> NotificationQuerySet:
        return self if caller.is_staff else self.filter(customer_id=caller.account)
