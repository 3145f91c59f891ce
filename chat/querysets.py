"""Rows of chat."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypedDict, TypeVar

from django.db import models
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ConversationFilters(TypedDict, total=False):
    status: list[str]


class ConversationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every conversation, a customer his own."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: ConversationFilters) -> Self:
        return self.filter(status__in=filters["status"]) if "status" in filters else self


class MessageFilters(TypedDict, total=False):
    since: datetime


class MessageQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every message; a customer his own conversations', without the shop's internal notes."""
        return self if caller.is_staff else self.public().filter(conversation__customer_id=caller.account)

    def public(self) -> Self:
        """Without the shop's internal notes."""
        return self.filter(is_internal=False)

    def matching(self, filters: MessageFilters) -> Self:
        """`since` is exact: later than it, by as little as a microsecond."""
        return self.filter(created_at__gt=filters["since"]) if "since" in filters else self


class SupportTicketFilters(TypedDict, total=False):
    status: list[str]
    search: str


class SupportTicketQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every ticket, a customer his own."""
        return self if caller.is_staff else self.filter(conversation__customer_id=caller.account)

    def matching(self, filters: SupportTicketFilters) -> Self:
        """`search` is a part of the subject, or of the ticket's number as it is spelled: `TKT45`."""
        rows = self
        if "status" in filters:
            rows = rows.filter(conversation__status__in=filters["status"])
        if "search" in filters:
            spelled = Concat(Value("TKT"), Cast(F("id"), CharField()))
            sought = filters["search"]
            rows = rows.alias(spelled=spelled).filter(
                Q(spelled__icontains=sought) | Q(conversation__subject__icontains=sought)
            )
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-conversation__created_at", "-conversation_id")
