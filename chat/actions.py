"""Starting a conversation or a ticket, adding to its log, ending it and opening it again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import BigIntegerField, CharField, UUIDField

from chat.attachments import Attached, attach
from chat.events import Event, publish
from chat.models import (
    CONVERSATION_MACHINE,
    ENDED,
    Conversation,
    ConversationStatus,
    Message,
    SupportTicket,
    SupportTicketPriority,
)
from chat.writes import Insert, Update
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.transitions import transition
from common.reads.params import Param
from common.reads.statements import Statement
from customers.actions import customer_for_write, notify
from customers.models import Customer
from orders.models import Order

_TICK = timedelta(microseconds=1)
# What staff need for each, at every door.
PERMISSIONS = {
    "read": "chat.view_conversation",
    "post": "chat.add_message",
    "start": "chat.add_conversation",
    "end": "chat.change_conversation",
}


class ConversationNotFound(Missing):
    code = "thread_not_found"
    message = "Thread not found"


class OrderNotFound(Missing):
    code = "order_not_found"
    message = "Order not found."


class Draft(NamedTuple):
    """A message on its way into the log of the conversation with that uuid."""

    conversation: UUID
    by: Caller
    body: str
    client_id: str | None = None
    attachments: Sequence[Attached] = ()
    is_internal: bool = False


class Posted(NamedTuple):
    """A message in the log, and whether this call put it there."""

    message: Message
    is_new: bool


def start_conversation(
    *, by: Caller, subject: str, message: str, now: datetime, customer: Customer | None = None
) -> Conversation:
    """A conversation with its first message, if there is one to say. `customer` is whom staff write to; a customer starts
    his own, and his record is made where he has none yet."""
    with transaction.atomic():
        conversation = Conversation.objects.create(
            customer=customer or customer_for_write(by, now=now),
            subject=subject,
            created_at=now,
            updated_at=now,
        )
        if message:
            draft = Draft(conversation.uuid, by, message)
            _append([(_next(conversation, draft, now), draft)], now=now)
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
    """A customer's ticket, a conversation whose first message is the description; perhaps about an order of his own.

    Raises OrderNotFound.
    """
    if order_id is not None and not Order.objects.visible_to(by).filter(pk=order_id).exists():
        raise OrderNotFound
    with transaction.atomic():
        conversation = start_conversation(by=by, subject=subject, message=description, now=now)
        return SupportTicket.objects.create(conversation=conversation, priority=priority, order_id=order_id)


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
    """Add to a conversation's log, and tell everybody who listens once it is stored.

    The same `client_id` of the same sender is stored once: the second time the first message is returned. A customer's
    word opens an ended conversation again; support's first answer takes an open one up. Raises ConversationNotFound,
    and what `chat.attachments.attach` raises.
    """
    attached = _attached(conversation, uploads, by=by, now=now)
    [posted] = _post([Draft(conversation, by, body, client_id, attached, is_internal)], now=now)
    if posted is None:
        raise ConversationNotFound
    return posted


def post_messages(drafts: Sequence[Draft], *, now: datetime) -> list[Posted | None]:
    """`post_message` for many at a time, in one transaction and four statements.

    Waits for nobody: None for a draft whose conversation somebody else has locked, or where there is none for its sender.
    `post_message` finds out which.
    """
    return _post(drafts, now=now, skip_locked=True)


def _attached(conversation: UUID, uploads: Sequence[UUID], *, by: Caller, now: datetime) -> list[Attached]:
    if not uploads:
        return []
    customer_id = (
        Conversation.objects.visible_to(by)
        .values_list("customer_id", flat=True)
        .filter(uuid=conversation)
        .first()
    )
    if customer_id is None:
        raise ConversationNotFound
    return attach(uploads, by=by, customer_id=customer_id, now=now)


def change_status(*, conversation: Conversation, to: str, by: int | None, now: datetime) -> None:
    """End a conversation (`resolved`, `closed`) or open it again. Raises IllegalTransition."""
    transition(conversation, to, machine=CONVERSATION_MACHINE, by=by, now=now, values={"updated_at": now})


def settle_status(*, conversation: UUID, to: str, by: Caller, now: datetime) -> None:
    """Have a conversation `closed` or `open`, whatever it is now: saying so twice is no mistake. Raises ConversationNotFound."""
    with transaction.atomic():
        row = Conversation.objects.visible_to(by).select_for_update().filter(uuid=conversation).first()
        if row is None:
            raise ConversationNotFound
        is_there = row.status == to if to == ConversationStatus.CLOSED else row.status not in ENDED
        if not is_there:
            change_status(conversation=row, to=to, by=by.user_id, now=now)


def _post(drafts: Sequence[Draft], *, now: datetime, skip_locked: bool = False) -> list[Posted | None]:
    with transaction.atomic():
        conversations = _lock({draft.conversation for draft in drafts}, skip_locked)
        known = _known(conversations.values(), {draft.client_id for draft in drafts} - {None})
        posted: list[Posted | None] = []
        new: list[tuple[Message, Draft]] = []
        for draft in drafts:
            conversation = conversations.get(draft.conversation)
            if conversation is None or not conversation.is_visible_to(draft.by):
                posted.append(None)
                continue
            key = (conversation.pk, draft.by.user_id, draft.client_id)
            message = known.get(key)
            if is_new := message is None:
                message = _next(conversation, draft, now)
                new.append((message, draft))
                if draft.client_id is not None:
                    known[key] = message
            posted.append(Posted(message, is_new))
        _append(new, now=now)
        return posted


# Of a conversation, what it takes to add to it; an instant costs the driver as much as all the rest.
_THREAD = ["id", "uuid", "customer_id", "status", "last_number", "last_at"]
_MESSAGE = [field.attname for field in Message._meta.concrete_fields]
_INSERT = Insert(Message)
_NOTE = Update(Conversation, ["last_number", "last_at"])
_SHOW = Update(Conversation, ["last_number", "last_at", "last_message", "updated_at"])


@cache
def _locking(skip_locked: bool) -> Statement:
    asked = Param("conversations", UUIDField(), many=True)
    # In the order of their keys: two who lock several never wait for each other.
    rows = (
        Conversation.objects.select_for_update(skip_locked=skip_locked).filter(uuid__in=asked).order_by("pk")
    )
    return Statement.compile(rows, _THREAD)


@cache
def _knowing() -> Statement:
    conversations = Param("conversations", BigIntegerField(), many=True)
    names = Param("names", CharField(), many=True)
    return Statement.compile(
        Message.objects.filter(conversation__in=conversations, client_id__in=names), _MESSAGE
    )


def _lock(conversations: Collection[UUID], skip_locked: bool) -> dict[UUID, Conversation]:
    rows = _locking(skip_locked).run({"conversations": list(conversations)})
    return {
        conversation.uuid: conversation
        for conversation in (Conversation.from_db("default", _THREAD, row) for row in rows)
    }


def _known(
    conversations: Collection[Conversation], client_ids: Collection[str | None]
) -> dict[tuple[int, int | None, str | None], Message]:
    """What is stored under those names: by conversation, sender and name. Whoever stores holds the conversations' locks, so nobody
    is between."""
    if not client_ids:
        return {}
    by_key = {conversation.pk: conversation for conversation in conversations}
    known = {}
    for row in _knowing().run({"conversations": list(by_key), "names": list(client_ids)}):
        message = Message.from_db("default", _MESSAGE, row)
        message.conversation = by_key[message.conversation_id]
        known[message.conversation_id, message.author_id, message.client_id] = message
    return known


def _next(conversation: Conversation, draft: Draft, now: datetime) -> Message:
    """The next entry of a locked conversation, and the conversation as it is with it. Its time is `now`, or just after the last
    one's where clocks disagree."""
    at = now if conversation.last_at is None or now > conversation.last_at else conversation.last_at + _TICK
    conversation.last_number, conversation.last_at = conversation.last_number + 1, at
    return Message(
        conversation=conversation,
        number=conversation.last_number,
        author_id=draft.by.user_id,
        is_support=draft.by.is_staff,
        is_internal=draft.is_internal,
        body=draft.body,
        attachments=list(draft.attachments),
        client_id=draft.client_id,
        created_at=at,
    )


def _append(new: Sequence[tuple[Message, Draft]], *, now: datetime) -> None:
    """Store the next entries of locked conversations, and what follows from them."""
    if not new:
        return
    _INSERT.run([message for message, _ in new])
    noted, shown = {}, {}
    for message, _ in new:
        conversation = noted[message.conversation_id] = message.conversation
        if not message.is_internal:
            conversation.last_message, conversation.updated_at = message, message.created_at
            shown[conversation.pk] = conversation
    _SHOW.run(shown.values())
    _NOTE.run([conversation for key, conversation in noted.items() if key not in shown])
    for message, draft in new:
        if not message.is_internal:
            _follow(message.conversation, by=draft.by, now=now)
    publish([Event(message) for message, _ in new])


def _follow(conversation: Conversation, *, by: Caller, now: datetime) -> None:
    """What follows from a message that the customer sees."""
    if status := _after(conversation.status, by):
        transition(
            Conversation.objects.get(pk=conversation.pk),
            status,
            machine=CONVERSATION_MACHINE,
            by=by.user_id,
            now=now,
        )
        conversation.status = status
    if by.is_staff:
        _tell(conversation, now=now)


def _tell(conversation: Conversation, *, now: datetime) -> None:
    """Support has answered: of a ticket the customer is told. A chat is talk, and he sees it there."""
    ticket = SupportTicket.objects.filter(conversation=conversation).first()
    if ticket is not None:
        notify(
            customer_id=conversation.customer_id,
            type="SUPPORT",
            title="Support Reply",
            message=f"Support has answered your ticket {ticket.number}: {conversation.subject}",
            now=now,
        )


def _after(status: str, by: Caller) -> str | None:
    """Where a message leads the conversation: support takes up what is open, a customer opens what has ended."""
    if by.is_staff:
        return ConversationStatus.IN_PROGRESS if status == ConversationStatus.OPEN else None
    return ConversationStatus.OPEN if status in ENDED else None
