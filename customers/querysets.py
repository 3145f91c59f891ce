"""Rows of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from common.caller import Caller

if TYPE_CHECKING:
    from customers.models import Customer, Notification

    CustomerRows = models.QuerySet[Customer]
    NotificationRows = models.QuerySet[Notification]
else:
    CustomerRows = NotificationRows = models.QuerySet


class CustomerQuerySet(CustomerRows):
    def visible_to(self, caller: Caller) -> CustomerQuerySet:
        """Staff see every customer, a customer himself."""
        return self if caller.is_staff else self.filter(pk=caller.customer_id)

    def with_contact(self) -> CustomerQuerySet:
        """With what `name` reads."""
        return self.select_related("contact")


class NotificationQuerySet(NotificationRows):
    def visible_to(self, caller: Caller) -> NotificationQuerySet:
        return self if caller.is_staff else self.filter(customer_id=caller.customer_id)
