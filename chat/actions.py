"""Start conversations and support tickets, post and withdraw messages, and end or reopen conversations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from chat import log
from chat.attachments import Attachment, attach
from chat.events import Event, publish
from chat.log import Draft
from chat.models import (
    CONVERSATION_MACHINE,
    ENDED,
    Conversation,
    ConversationStatus,
    Message,
    SupportTicket,
    SupportTicketPriority,
)
from common.domain import events as domain_events
from common.domain.caller import Caller
from common.domain.errors import DomainError, Forbidden, Missing
from common.domain.transitions import transition
from customers.actions import ensure_customer, hold_customer, notify
from customers.models import Customer
from orders.models import Order

# The permission that staff need for each action, in the admin and in the API.
PERMISSIONS = {
    "read": "chat.view_conversation",
    "post": "chat.add_message",
    "start": "chat.add_conversation",
    "end": "chat.change_conversation",
}


class ConversationNotFound(Missing):
    """No such conversation is visible to the caller. The contracts call it a thread."""

    code = "thread_not_found"
    message = "Thread not found"


class MessageNotFound(Missing):
    code = "message_not_found"
    message = "Message not found."


class NotYourMessage(Forbidden):
    code = "not_your_message"
    message = "You can delete your own messages only."


class MessageIsAnswered(DomainError):
    code = "message_is_answered"
    title = "Message is answered"
    message = "The shop has answered this message. It cannot be deleted any more."


class OrderNotFound(Missing):
    code = "order_not_found"
    message = "Order not found."


class Posted(NamedTuple):
    """A stored message. `is_new` is False if an earlier call stored it."""

    message: Message
    is_new: bool


def start_conversation(
    *, by: Caller, subject: str, message: str, now: datetime, customer: Customer | None = None
) -> Conversation:
    """Create a conversation. `message` is its first message, or "" for none.

    `customer` is the addressee when staff start it. A customer starts their own. Their record is created if they have
    none yet. Raises CustomerIsMerged, NoCustomerRecord.
    """
    with transaction.atomic():
        customer = customer or ensure_customer(by, now=now)
        hold_customer(customer)
        conversation = Conversation.objects.create(
            customer=customer,
            subject=subject,
            created_at=now,
            updated_at=now,
        )
        if message:
            draft = Draft(conversation.uuid, by, message)
            _append([(log.build_next(conversation, draft, now=now), draft)], now=now)
        domain_events.record("chat.conversation.created", conversation, at=now)
        return conversation


def open_support_ticket(
    *,
    by: Caller,
    subject: str,
    description: str,
    now: datetime,
    priority: str = SupportTicketPriority.MEDIUM,
    order_id: int | None = None,
) -> SupportTicket:
    """Create a customer's support ticket: a conversation whose first message is `description`.

    `order_id` names an order of the customer. Raises OrderNotFound.
    """
    if order_id is not None and not Order.objects.visible_to(by).filter(pk=order_id).exists():
        raise OrderNotFound
    with transaction.atomic():
        conversation = start_conversation(by=by, subject=subject, message=description, now=now)
        ticket = SupportTicket.objects.create(conversation=conversation, priority=priority, order_id=order_id)
        domain_events.record("chat.supportticket.created", ticket, at=now, priority=priority)
        return ticket


def post_message(
    *,
    conversation: UUID,
    by: Caller,
    body: str,
    now: datetime,
    uploads: Sequence[UUID] = (),
    client_id: str | None = None,
    is_internal: bool = False,
) -> Posted:
    """Append a message to a conversation's log and publish it on commit.

    The same `client_id` of the same sender is stored once: a second call returns the first message. A customer's
    message reopens an ended conversation. Staff's first answer moves an open one to `in_progress`. Raises
    ConversationNotFound and the errors of `chat.attachments.attach`.
    """
    attachments = _attach(conversation, uploads, by=by, is_internal=is_internal, now=now)
    [posted] = _post([Draft(conversation, by, body, client_id, attachments, is_internal)], now=now)
    if posted is None:
        raise ConversationNotFound
    return posted


def post_messages(drafts: Sequence[Draft], *, now: datetime) -> list[Posted | None]:
    """Append many messages in one transaction with four statements (docs/decisions/0021).

    It does not wait for locks. The result is None for a draft whose conversation is locked by another transaction or
    is not visible to its sender: `post_message` tells the two apart.
    """
    return _post(drafts, now=now, skip_locked=True)


def withdraw_message(*, conversation: UUID, message_id: int, by: Caller, now: datetime) -> None:
    """Empty a message of the caller that the shop has not answered yet, and hide it from the customer.

    It keeps its number, because sockets deliver the log by numbers without gaps. The conversation's lock decides
    between the withdrawal and an answer that is posted at the same time. A message that is withdrawn already is not
    found. Raises MessageNotFound, NotYourMessage, MessageIsAnswered.
    """
    with transaction.atomic():
        locked = log.lock([conversation], skip_locked=False).get(conversation)
        if locked is None or not locked.is_visible_to(by):
            raise MessageNotFound
        messages = Message.objects.public().filter(conversation=locked)
        message = messages.filter(pk=message_id).first()
        if message is None:
            raise MessageNotFound
        if message.author_id != by.user_id or message.is_support:
            raise NotYourMessage
        if messages.filter(is_support=True, number__gt=message.number).exists():
            raise MessageIsAnswered
        message.body, message.attachments, message.withdrawn_at = "", [], now
        message.save(update_fields=["body", "attachments", "withdrawn_at"])
        Conversation.objects.filter(pk=locked.pk).update(last_message=messages.order_by("-number").first())


def change_status(*, conversation: Conversation, to: str, by: int | None, now: datetime) -> None:
    """End a conversation (`resolved`, `closed`) or reopen it. Raises IllegalTransition."""
    transition(conversation, to, machine=CONVERSATION_MACHINE, by=by, now=now, values={"updated_at": now})


def ensure_status(*, conversation: UUID, to: str, by: Caller, now: datetime) -> None:
    """Close or reopen a conversation (`to` is `closed` or `open`), or leave it if it is closed or open already.

    Raises ConversationNotFound.
    """
    with transaction.atomic():
        row = Conversation.objects.visible_to(by).select_for_update().filter(uuid=conversation).first()
        if row is None:
            raise ConversationNotFound
        is_there = row.status == to if to == ConversationStatus.CLOSED else row.status not in ENDED
        if not is_there:
            change_status(conversation=row, to=to, by=by.user_id, now=now)


def _attach(
    conversation: UUID, uploads: Sequence[UUID], *, by: Caller, is_internal: bool, now: datetime
) -> list[Attachment]:
    """Attach uploads. The customer may see them, unless they belong to an internal note."""
    if not uploads:
        return []
    rows = Conversation.objects.visible_to(by).filter(uuid=conversation)
    customer_id = rows.values_list("customer_id", flat=True).first()
    if customer_id is None:
        raise ConversationNotFound
    return attach(uploads, by=by, customer_id=None if is_internal else customer_id, now=now)


def _post(drafts: Sequence[Draft], *, now: datetime, skip_locked: bool = False) -> list[Posted | None]:
    with transaction.atomic():
        conversations = log.lock({draft.conversation for draft in drafts}, skip_locked=skip_locked)
        client_ids = {draft.client_id for draft in drafts} - {None}
        stored = log.find_by_client_ids(conversations.values(), client_ids)
        posted: list[Posted | None] = []
        new: list[tuple[Message, Draft]] = []
        for draft in drafts:
            conversation = conversations.get(draft.conversation)
            if conversation is None or not conversation.is_visible_to(draft.by):
                posted.append(None)
                continue
            key = (conversation.pk, draft.by.user_id, draft.client_id)
            message = stored.get(key)
            if is_new := message is None:
                message = log.build_next(conversation, draft, now=now)
                new.append((message, draft))
                if draft.client_id is not None:
                    stored[key] = message
            posted.append(Posted(message, is_new))
        _append(new, now=now)
        return posted


def _append(new: Sequence[tuple[Message, Draft]], *, now: datetime) -> None:
    """Store messages of locked conversations, apply their effects and publish them."""
    if not new:
        return
    log.store([message for message, _ in new])
    for message, draft in new:
        if not message.is_internal:
            _apply_effects(message.conversation, by=draft.by, now=now)
    publish([Event(message) for message, _ in new])


def _apply_effects(conversation: Conversation, *, by: Caller, now: datetime) -> None:
    """Move the conversation's status and notify the customer, as a message that the customer sees requires."""
    if status := _status_after(conversation.status, by):
        row = Conversation.objects.get(pk=conversation.pk)
        transition(row, status, machine=CONVERSATION_MACHINE, by=by.user_id, now=now)
        conversation.status = status
    if by.is_staff:
        _notify_of_answer(conversation, now=now)


def _notify_of_answer(conversation: Conversation, *, now: datetime) -> None:
    """Notify the customer of staff's answer to a support ticket. Other conversations show it in the chat alone."""
    ticket = SupportTicket.objects.filter(conversation=conversation).first()
    if ticket is not None:
        notify(
            customer_id=conversation.customer_id,
            type="SUPPORT",
            title="Support Reply",
            message=f"Support has answered your ticket {ticket.number}: {conversation.subject}",
            now=now,
        )


def _status_after(status: str, by: Caller) -> str | None:
    """Return the status that a message moves a conversation to, or None if it stays."""
    if by.is_staff:
        return ConversationStatus.IN_PROGRESS if status == ConversationStatus.OPEN else None
    return ConversationStatus.OPEN if status in ENDED else None
