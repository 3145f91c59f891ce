"""Querysets of conversations, messages and support tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypedDict, TypeVar

from django.db import models
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat

from common.domain.caller import Caller
from common.domain.search import Searched, fits
from common.reads.bindings import bind_search

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ConversationFilters(TypedDict, total=False):
    status: list[str]


class ConversationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return the customer's own conversations. Staff see all."""
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def matching(self, filters: ConversationFilters) -> Self:
        return self.filter(status__in=filters["status"]) if "status" in filters else self


class MessageFilters(TypedDict, total=False):
    since: datetime


class MessageQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return the messages of the customer's own conversations that are public. Staff see all."""
        return self if caller.is_staff else self.public().filter(conversation__customer_id=caller.account)

    def public(self) -> Self:
        """Leave out internal notes and withdrawn messages."""
        return self.filter(is_internal=False, withdrawn_at=None)

    def matching(self, filters: MessageFilters) -> Self:
        """Keep messages later than `since`, exact to the microsecond."""
        return self.filter(created_at__gt=filters["since"]) if "since" in filters else self


class SupportTicketFilters(TypedDict, total=False):
    status: list[str]
    search: str


class SupportTicketQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return the customer's own support tickets. Staff see all."""
        return self if caller.is_staff else self.filter(conversation__customer_id=caller.account)

    def matching(self, filters: SupportTicketFilters) -> Self:
        """Filter by status, and by `search` as a part of the subject or of the number (`TKT45`)."""
        rows = self
        if "status" in filters:
            rows = rows.filter(conversation__status__in=filters["status"])
        if "search" in filters:
            number, search = Concat(Value("TKT"), Cast(F("id"), CharField())), filters["search"]
            rows = rows.alias(printed_number=number).filter(
                Q(printed_number__icontains=search)
                | fits(Searched("conversation__subject"), bind_search(search))
            )
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-conversation__created_at", "-conversation_id")
