"""What came of calls to customers about declined work and other things that are due (docs/design, D118)."""

from __future__ import annotations

from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef

from common.domain.caller import Caller
from common.domain.text_fields import LineField

Row = TypeVar("Row", bound=models.Model, covariant=True)


class PhoneCallQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every call for staff and none for customers."""
        return self if caller.is_staff else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def last_ones(self) -> Self:
        """Return the last call to each customer."""
        later = self.model._default_manager.filter(customer=OuterRef("customer"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(later))


class PhoneCall(models.Model):
    """A call to a customer: when, by whom, what came of it, and the day of the next one, if one was agreed."""

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the customer.
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="phone_calls", db_index=False
    )
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    outcome = LineField(max_length=500)
    next_on = models.DateField("next call on", null=True, blank=True)

    objects = PhoneCallQuerySet["PhoneCall"].as_manager()

    class Meta:
        verbose_name = "phone call"
        indexes = [models.Index(fields=["customer", "-id"], name="phone_call_newest_first")]

    def __str__(self) -> str:
        return self.outcome
