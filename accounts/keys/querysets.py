"""QuerySet of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ApiKeyQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all keys for staff and none for customers."""
        return self if caller.is_staff else self.none()

    def working(self, now: datetime) -> Self:
        """Return the keys that are neither revoked nor expired, of users who are active."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, user__is_active=True)
