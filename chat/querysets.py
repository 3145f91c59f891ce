"""Rows of chat."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypedDict, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ThreadFilters(TypedDict, total=False):
    status: list[str]
    thread: UUID


class ThreadQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every thread, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: ThreadFilters) -> Self:
        rows = self
        if "status" in filters:
            rows = rows.filter(status__in=filters["status"])
        if "thread" in filters:
            rows = rows.filter(uuid=filters["thread"])
        return rows


class MessageFilters(TypedDict, total=False):
    since: datetime
    thread: UUID


class MessageQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every message; a customer his own threads', without the shop's internal notes."""
        return self if caller.is_staff else self.public().filter(thread__customer_id=caller.account)

    def public(self) -> Self:
        """Without the shop's internal notes."""
        return self.filter(is_internal=False)

    def matching(self, filters: MessageFilters) -> Self:
        """`since` is exact: later than it, by as little as a microsecond."""
        rows = self
        if "thread" in filters:
            rows = rows.filter(thread__uuid=filters["thread"])
        if "since" in filters:
            rows = rows.filter(created_at__gt=filters["since"])
        return rows


class TicketFilters(TypedDict, total=False):
    status: list[str]
    search: str


class TicketQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every ticket, a customer his own."""
        return self if caller.is_staff else self.filter(thread__customer_id=caller.account)

    def matching(self, filters: TicketFilters) -> Self:
        """`search` is a part of the subject, or of the ticket's number as it is spelled: `TKT45`."""
        rows = self
        if "status" in filters:
            rows = rows.filter(thread__status__in=filters["status"])
        if "search" in filters:
            spelled = Concat(Value("TKT"), Cast(F("id"), CharField()))
            sought = filters["search"]
            rows = rows.alias(spelled=spelled).filter(
                Q(spelled__icontains=sought) | Q(thread__subject__icontains=sought)
            )
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-thread__created_at", "-thread_id")
