"""Build the frames that sockets receive (contract 003, "WebSocket Chat") and encode them for other processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

import orjson
from django.db.models import Model

from chat.attachments import attachment_urls
from chat.labels import format_sender
from chat.models import Message
from common.domain.encoding import dumps
from common.domain.models import Event
from common.domain.types import Json
from customers.models import Notification

Frame = Json


class FrameType(StrEnum):
    """The `type` of every frame in both directions. `config/asyncapi.py` describes each."""

    SEND = "SEND"
    TYPING = "TYPING"
    MESSAGE = "MESSAGE"
    ROW = "message"
    NOTIFICATION = "NOTIFICATION"
    APPOINTMENT = "APPOINTMENT"
    REPAIR_ORDER = "REPAIR_ORDER"
    ERROR = "ERROR"


_ROW = ("id", "threadId", "sender", "body", "attachments", "createdAt")  # a message over REST
# The subjects whose changes of status a customer's sockets receive, with the type of the frame.
_FRAME_TYPES = {
    "appointments.appointment": FrameType.APPOINTMENT,
    "repair_orders.repairorder": FrameType.REPAIR_ORDER,
}
# Stored values that the contract prints under another name.
_STATUS_LABELS = {(FrameType.APPOINTMENT, "pending"): "scheduled"}


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A frame for the sockets of one customer and, unless `is_for_staff` is False, for those of staff.

    One with a `number` is an entry of a conversation's log and is delivered in number order. One without a `frame` is
    sent to no socket of the chat: an internal note takes its place in the order, and an event of the shop renews the
    open pages of staff. `author` is the id of the sending user.
    """

    customer: int
    frame: Frame | None
    author: int | None = None
    conversation: int = 0
    number: int = 0
    client_id: str | None = None
    is_for_staff: bool = True
    is_echoed: bool = True  # whether the author's own sockets receive it

    @property
    def is_change(self) -> bool:
        """Return whether it reports something stored. Typing is not stored, and the only frame without an echo."""
        return self.is_echoed

    @property
    def text(self) -> bytes:
        return dumps(self.frame)

    @property
    def text_for_author(self) -> bytes:
        """Return the text with the `clientId`, which only the sender receives."""
        if self.client_id is None or self.frame is None:
            return self.text
        return dumps({**self.frame, "clientId": self.client_id})

    @property
    def text_of_row(self) -> bytes | None:
        """Return the text of a message as REST shows it, for sockets of the web client. Other frames have none."""
        if self.frame is None or self.frame["type"] != FrameType.MESSAGE:
            return None
        row = {"attachments": [], **self.frame, "createdAt": self.frame["timestamp"]}
        return dumps({"type": FrameType.ROW, "message": {name: row[name] for name in _ROW}})


def encode_broadcasts(broadcasts: list[Broadcast]) -> bytes:
    """Return the broadcasts as JSON for other processes."""
    return dumps([asdict(broadcast) for broadcast in broadcasts])


def decode_broadcasts(payload: bytes) -> list[Broadcast]:
    """Return the broadcasts of a payload of `encode_broadcasts`. Raises ValueError or TypeError for any other."""
    return [Broadcast(**values) for values in orjson.loads(payload)]


def message_broadcast(message: Message) -> Broadcast:
    """Return the broadcast of a stored message whose conversation is loaded."""
    conversation = message.conversation
    return Broadcast(
        customer=conversation.customer_id,
        frame=None
        if message.is_internal or message.withdrawn_at
        else _message_frame(message, conversation.uuid),
        author=message.author_id,
        conversation=conversation.pk,
        number=message.number,
        client_id=message.client_id,
    )


def _message_frame(message: Message, conversation: UUID) -> Frame:
    frame: Frame = {
        "type": FrameType.MESSAGE,
        "id": message.uuid,
        "threadId": conversation,
        "body": message.body,
        "sender": format_sender(message.is_support),
        "timestamp": message.created_at,
    }
    if message.attachments:
        frame["attachments"] = attachment_urls(message.attachments)
    return frame


def typing_broadcast(*, customer: int, conversation: UUID, author: int, name: str) -> Broadcast:
    """Return the broadcast that the author is typing. The author's own sockets do not receive it."""
    frame = {"type": FrameType.TYPING, "user": name, "threadId": conversation}
    return Broadcast(customer, frame, author=author, is_echoed=False)


def event_broadcast(event: Event, subject: Model) -> Broadcast:
    """Return the broadcast of an event. A notification or a change of state has a frame for the customer."""
    if isinstance(subject, Notification):
        kind = FrameType.NOTIFICATION
        values = {"kind": subject.type, "title": subject.title, "message": subject.message}
    elif event.subject.partition(":")[0] in _FRAME_TYPES and "status" in event.payload:
        kind, status = _FRAME_TYPES[event.subject.partition(":")[0]], event.payload["status"]
        values = {"status": _STATUS_LABELS.get((kind, status), status)}
    else:
        return Broadcast(0, None, is_for_staff=False)
    frame = {"type": kind, "id": event.payload["uuid"], **values, "timestamp": event.at}
    return Broadcast(event.payload["customer_id"], frame, is_for_staff=False)


def encode_error(text: str, client_id: str | None = None) -> bytes:
    """Return the text of an ERROR frame, the response to a frame that was not accepted."""
    frame = {"type": FrameType.ERROR, "error": text}
    return dumps(frame if client_id is None else {**frame, "clientId": client_id})
