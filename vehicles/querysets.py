"""Rows of vehicles."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Expression, Value
from django.db.models.functions import Upper
from django.db.models.lookups import Exact

from common.caller import Caller
from vehicles.labels import label_of

Row = TypeVar("Row", bound=models.Model, covariant=True)


class VehicleQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every vehicle, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def in_use(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def called(self, label: Any) -> Self:
        """Those that people call so, in whatever case; of two with one plate and no number, both."""
        named = label if isinstance(label, Expression) else Value(label)
        return self.filter(Exact(Upper(label_of()), Upper(named)))
