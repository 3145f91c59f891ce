"""Rows of uploads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class UploadQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every upload; a customer his own, and those of his account."""
        if caller.is_staff:
            return self
        return self.filter(Q(owner_id=caller.user_id) | Q(customer_id=caller.account))

    def of_owner(self, caller: Caller, uuids: Collection[UUID]) -> Self:
        """Those of `uuids` that the caller himself uploaded."""
        return self.filter(owner_id=caller.user_id, uuid__in=uuids)

    def never_attached(self, *, before: datetime) -> Self:
        """Announced before that instant and part of nothing."""
        return self.exclude(state="attached").filter(created_at__lt=before)
