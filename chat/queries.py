"""What the sockets ask of the database, and what a customer's dashboard says of his tickets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef

from chat.models import ENDED, Conversation, Message, SupportTicket
from common.domain.caller import Caller
from common.domain.database import count_of
from common.domain.types import AnyQuerySet

_AT_ONCE = 200


def entries(conversation: int, number: int, since: datetime | None) -> list[Message]:
    """The next entries of a conversation's log after `number`, and later than `since`; 200 at most, oldest first."""
    rows = Message.objects.filter(conversation_id=conversation, number__gt=number)
    if since is not None:
        rows = rows.filter(created_at__gt=since)
    return list(rows.select_related("conversation").order_by("number")[:_AT_ONCE])


def conversations_with_news(since: datetime) -> list[tuple[int, int]]:
    """Threads whose log grew after `since`: id and the last entry's number."""
    return list(
        Conversation.objects.filter(last_at__gt=since)
        .order_by("last_at", "id")
        .values_list("pk", "last_number")
    )


def conversation_customer(caller: Caller, uuid: UUID) -> int | None:
    """Whose conversation that is, if this caller sees it: the customer's id."""
    return (
        Conversation.objects.visible_to(caller)
        .filter(uuid=uuid)
        .values_list("customer_id", flat=True)
        .first()
    )


def with_ticket_counts(rows: AnyQuerySet, customer: str) -> AnyQuerySet:
    """With figures of the customer at that path of each row, each a look into an index, taken where it is selected.

    `total_tickets`; `resolved_tickets`, which somebody has ended; `open_tickets`, all others, whether or not somebody
    has taken them up.
    """
    tickets = SupportTicket.objects.filter(conversation__customer=OuterRef(customer))
    annotated: AnyQuerySet = rows.annotate(
        total_tickets=count_of(tickets),
        open_tickets=count_of(tickets.exclude(conversation__status__in=ENDED)),
        resolved_tickets=count_of(tickets.filter(conversation__status__in=ENDED)),
    )
    return annotated
