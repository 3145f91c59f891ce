"""QuerySets of reminders."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from common.domain.caller import Caller

_PRIVATE = "parking"  # where a person parks concerns no one else
Row = TypeVar("Row", bound=models.Model, covariant=True)


class ReminderMailQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all mails for staff, and those of their own customer for others, without those to other logins."""
        if caller.is_staff:
            return self.exclude(kind=_PRIVATE)
        own = models.Q(user=None) | models.Q(user_id=caller.user_id)
        return self.filter(own, customer_id=caller.account)


class ReminderQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return what the mails remind of that the caller may see."""
        if caller.is_staff:
            return self.exclude(kind=_PRIVATE)
        own = models.Q(mail__user=None) | models.Q(mail__user_id=caller.user_id)
        return self.filter(own, mail__customer_id=caller.account)
