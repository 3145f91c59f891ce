"""Rows of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model, covariant=True)


class SessionQuerySet(models.QuerySet[Row]):
    def living(self) -> Self:
        """Sessions that have not ended and whose user may still come in."""
        return self.filter(ended_at=None, user__is_active=True)

    def end(self, *, now: datetime) -> int:
        """End those that have not ended; how many there were."""
        return self.filter(ended_at=None).update(ended_at=now)
