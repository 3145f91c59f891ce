"""The chat window of contract 002's client: a support ticket that a customer opens by writing (docs/design, D44)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from chat.actions import open_support_ticket, post_message
from chat.models import ENDED, SupportTicket, SupportTicketPriority
from common.domain import events
from common.domain.caller import Caller
from common.domain.database import lock_name
from common.domain.errors import Missing

SUBJECT = "Chat"
_RAISED = (SupportTicketPriority.HIGH, SupportTicketPriority.URGENT)


class TicketNotFound(Missing):
    code = "ticket_not_found"
    message = "Ticket not found."


def find_open(caller: Caller) -> SupportTicket | None:
    """Return the caller's latest ticket of the window that has not ended, or None."""
    rows = SupportTicket.objects.visible_to(caller).filter(conversation__subject=SUBJECT)
    return rows.exclude(conversation__status__in=ENDED).newest_first().first()


def write(*, by: Caller, ticket_id: int | None, body: str, now: datetime) -> SupportTicket:
    """Post a customer's message to that ticket. Without one, post it to the open ticket, or open one with it.

    Two first messages at the same time open one ticket. Raises TicketNotFound and the errors of `chat.actions`.
    """
    with transaction.atomic():
        if ticket_id is None:
            lock_name(f"chat window of customer {by.account}")
            ticket = find_open(by)
        else:
            ticket = SupportTicket.objects.visible_to(by).filter(pk=ticket_id).first()
        if ticket is not None:
            post_message(conversation=ticket.conversation.uuid, by=by, body=body, now=now)
        elif ticket_id is None:
            ticket = open_support_ticket(by=by, subject=SUBJECT, description=body, now=now)
        else:
            raise TicketNotFound
        return ticket


def escalate(*, by: Caller, ticket_id: int | None, reason: str, now: datetime) -> SupportTicket:
    """Post the reason as the customer's message, and raise the ticket's priority to high.

    Raises TicketNotFound and the errors of `chat.actions`.
    """
    with transaction.atomic():
        ticket = write(by=by, ticket_id=ticket_id, body=reason, now=now)
        if ticket.priority not in _RAISED:
            ticket.priority = SupportTicketPriority.HIGH
            ticket.save(update_fields=["priority"])
            events.record("chat.supportticket.escalated", ticket, at=now)
        return ticket
