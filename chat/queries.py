"""Selectors of the socket server, and counts of support tickets for customers' dashboards."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, OuterRef

from chat.models import ENDED, Conversation, Message, SupportTicket
from common.domain.caller import Caller
from common.domain.database import count_of
from common.domain.types import AnyQuerySet
from common.reads.read import Columns

_MAX_ENTRIES = 200


def get_entries(conversation: int, number: int, since: datetime | None) -> list[Message]:
    """Return the messages of a log after `number` and, if given, later than `since`: oldest first, at most 200."""
    rows = Message.objects.filter(conversation_id=conversation, number__gt=number)
    if since is not None:
        rows = rows.filter(created_at__gt=since)
    return list(rows.select_related("conversation").order_by("number")[:_MAX_ENTRIES])


def get_conversations_since(since: datetime) -> list[tuple[int, int]]:
    """Return the id and the last number of each conversation with a message later than `since`."""
    rows = Conversation.objects.filter(last_at__gt=since).order_by("last_at", "id")
    return list(rows.values_list("pk", "last_number"))


def with_message_counts(rows: AnyQuerySet) -> AnyQuerySet:
    """Annotate support tickets with `message_count`: the messages that the customer sees, by the log's index."""
    messages = Message.objects.public().filter(conversation=OuterRef("conversation"))
    annotated: AnyQuerySet = rows.annotate(message_count=count_of(messages))
    return annotated


def find_customer_id(caller: Caller, conversation: UUID) -> int | None:
    """Return the id of the conversation's customer, or None if the caller may not see the conversation."""
    rows = Conversation.objects.visible_to(caller).filter(uuid=conversation)
    return rows.values_list("customer_id", flat=True).first()


def _tickets_by_status(caller: Caller) -> AnyQuerySet:
    rows = SupportTicket.objects.visible_to(caller).values("conversation__status")
    return rows.annotate(count=Count("id")).order_by()


_TICKETS_BY_STATUS = Columns(_tickets_by_status, "conversation__status", "count")


def count_tickets_by_status(caller: Caller) -> dict[str, int]:
    """Return the number of the caller's support tickets in each status that one of them has. One query."""
    counts: dict[str, int] = dict(map(tuple, _TICKETS_BY_STATUS.of(caller)))
    return counts


def with_support_ticket_counts(rows: AnyQuerySet, customer: str) -> AnyQuerySet:
    """Annotate rows with `total_tickets`, `open_tickets` and `resolved_tickets` of the customer at that path.

    A ticket is resolved if its conversation is resolved or closed, else open. Each count is a subquery over an index,
    run only if it is selected.
    """
    tickets = SupportTicket.objects.filter(conversation__customer=OuterRef(customer))
    annotated: AnyQuerySet = rows.annotate(
        total_tickets=count_of(tickets),
        open_tickets=count_of(tickets.exclude(conversation__status__in=ENDED)),
        resolved_tickets=count_of(tickets.filter(conversation__status__in=ENDED)),
    )
    return annotated
