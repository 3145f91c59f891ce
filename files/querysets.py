"""QuerySet of uploads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from common.domain.caller import Caller, Role

Row = TypeVar("Row", bound=models.Model, covariant=True)


class UploadQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every upload for staff, and otherwise the caller's own and those of their customer account."""
        if caller.is_staff:
            return self
        return self.filter(Q(owner_id=caller.user_id) | Q(customer_id=caller.account))

    def of_owner(self, caller: Caller, uuids: Collection[UUID]) -> Self:
        """Return the uploads among `uuids` that belong to the caller."""
        return self.filter(owner_id=caller.user_id, uuid__in=uuids)

    def held_by(self, caller: Caller) -> Self:
        """Return the uploads that count for a customer: those of all their logins, and none of staff."""
        if caller.customer_id is None:
            return self.filter(owner_id=caller.user_id)
        of_customer = Q(customer_id=caller.customer_id) & (Q(owner=None) | Q(owner__role=Role.CUSTOMER))
        return self.filter(Q(owner_id=caller.user_id) | of_customer)

    def taking_space(self, *, announced_after: datetime, counts_expired: bool) -> Self:
        """Leave out the uploads whose URL has expired unused, unless the store cannot tell (`counts_expired`)."""
        return self if counts_expired else self.exclude(state="pending", created_at__lte=announced_after)

    def never_attached(self, *, before: datetime) -> Self:
        """Return the uploads that were announced before that instant and never attached."""
        return self.exclude(state="attached").filter(created_at__lt=before)
