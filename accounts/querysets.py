"""Rows of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from accounts.models import Session


class SessionQuerySet(models.QuerySet["Session"]):
    def living(self) -> SessionQuerySet:
        """Sessions that have not ended and whose user may still come in."""
        return self.filter(ended_at=None, user__is_active=True)

    def end(self, *, now: datetime) -> int:
        """End those that have not ended; how many there were."""
        return self.filter(ended_at=None).update(ended_at=now)
