"""Append to the logs of conversations, with the same statements for one message and for many (docs/decisions/0021).

Number and time of a message are assigned under its conversation's lock (docs/design, D44).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, CharField, UUIDField

from chat.attachments import Attachment
from chat.models import Conversation, Message
from chat.writes import Insert, Update
from common.domain.caller import Caller
from common.reads.statements import Param, Statement

MessageKey = tuple[int, int | None, str | None]  # conversation, author, client_id

_TICK = timedelta(microseconds=1)
# Only the columns that appending needs: a timestamp costs the driver as much as all the others.
_CONVERSATION = ["id", "uuid", "customer_id", "status", "last_number", "last_at"]
_MESSAGE = [field.attname for field in Message._meta.concrete_fields]
_INSERT = Insert(Message)
_UPDATE_POSITION = Update(Conversation, ["last_number", "last_at"])
_UPDATE_VISIBLE = Update(Conversation, ["last_number", "last_at", "last_message", "updated_at"])


class Draft(NamedTuple):
    """A message that is to be appended to the log of `conversation`."""

    conversation: UUID
    by: Caller
    body: str
    client_id: str | None = None
    attachments: Sequence[Attachment] = ()
    is_internal: bool = False


def lock(conversations: Collection[UUID], *, skip_locked: bool) -> dict[UUID, Conversation]:
    """Lock the conversations until the transaction ends and return them by uuid.

    With `skip_locked`, leave out those that another transaction has locked.
    """
    rows = _locking(skip_locked).run({"conversations": list(conversations)})
    locked = (Conversation.from_db("default", _CONVERSATION, row) for row in rows)
    return {conversation.uuid: conversation for conversation in locked}


def find_by_client_ids(
    conversations: Collection[Conversation], client_ids: Collection[str | None]
) -> dict[MessageKey, Message]:
    """Return the messages of locked conversations that have one of these client ids."""
    if not client_ids:
        return {}
    by_key = {conversation.pk: conversation for conversation in conversations}
    found: dict[MessageKey, Message] = {}
    for row in _finding().run({"conversations": list(by_key), "client_ids": list(client_ids)}):
        message = Message.from_db("default", _MESSAGE, row)
        message.conversation = by_key[message.conversation_id]
        found[message.conversation_id, message.author_id, message.client_id] = message
    return found


def build_next(conversation: Conversation, draft: Draft, *, now: datetime) -> Message:
    """Return the next message of a locked conversation, unsaved, and advance the conversation's number and time.

    Its time is `now`, or 1 µs after the last message's where `now` is not later.
    """
    at = now
    if conversation.last_at is not None and now <= conversation.last_at:
        at = conversation.last_at + _TICK
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


def store(messages: Sequence[Message]) -> None:
    """Insert messages made by `build_next` and update their conversations."""
    _INSERT.run(messages)
    conversations, visible = {}, {}
    for message in messages:
        conversation = conversations[message.conversation_id] = message.conversation
        if not message.is_internal:
            conversation.last_message, conversation.updated_at = message, message.created_at
            visible[conversation.pk] = conversation
    _UPDATE_VISIBLE.run(visible.values())
    _UPDATE_POSITION.run([conversation for key, conversation in conversations.items() if key not in visible])


@cache
def _locking(skip_locked: bool) -> Statement:
    wanted = Param("conversations", UUIDField(), many=True)
    # Ordered by key, so that two transactions that lock several never wait for each other.
    rows = (
        Conversation.objects.select_for_update(skip_locked=skip_locked).filter(uuid__in=wanted).order_by("pk")
    )
    return Statement.compile(rows, _CONVERSATION)


@cache
def _finding() -> Statement:
    conversations = Param("conversations", BigIntegerField(), many=True)
    client_ids = Param("client_ids", CharField(), many=True)
    rows = Message.objects.filter(conversation__in=conversations, client_id__in=client_ids)
    return Statement.compile(rows, _MESSAGE)
