"""What the processes tell each other, and the frames a socket gets to see of it (contract 003, "WebSocket Chat")."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

import orjson

from chat.attachments import urls
from chat.models import Message, Thread
from common.domain.encoding import dumps
from common.domain.push import News
from common.domain.types import Json

Frame = Json
SUPPORT, CUSTOMER = "support", "user"
# The contract's words, where they are not the stored ones (docs/design, D15).
_WORDS = {("APPOINTMENT", "pending"): "scheduled"}


@dataclass(frozen=True, slots=True)
class Event:
    """Something for the sockets of one customer, and mostly for the staff's too.

    One with a `number` is an entry of a thread's log and is heard in its turn. Without a `frame` it shows nothing and
    only takes its turn: an internal note. `author` is the user it comes from.
    """

    customer: int
    frame: Frame | None
    author: int | None = None
    thread: int = 0
    number: int = 0
    client_id: str | None = None
    is_for_staff: bool = True
    is_echoed: bool = True  # whether its author hears it, too

    @property
    def text(self) -> bytes:
        return dumps(self.frame)

    @property
    def text_for_author(self) -> bytes:
        """With the sender's own name for it, which is nobody else's business."""
        if self.client_id is None or self.frame is None:
            return self.text
        return dumps({**self.frame, "clientId": self.client_id})


def pack(events: list[Event]) -> bytes:
    """Events as they travel between processes."""
    return dumps([asdict(event) for event in events])


def unpack(payload: bytes) -> list[Event]:
    """The events of a payload. ValueError, TypeError for what `pack` did not write."""
    return [Event(**one) for one in orjson.loads(payload)]


def spell_sender(is_support: bool) -> str:
    return SUPPORT if is_support else CUSTOMER


def event_of(message: Message, thread: Thread) -> Event:
    """An entry of a thread's log."""
    return Event(
        customer=thread.customer_id,
        frame=None if message.is_internal else _message_frame(message, thread.uuid),
        author=message.author_id,
        thread=thread.pk,
        number=message.number,
        client_id=message.client_id,
    )


def _message_frame(message: Message, thread: UUID) -> Frame:
    frame: Frame = {
        "type": "MESSAGE",
        "id": message.uuid,
        "threadId": thread,
        "body": message.body,
        "sender": spell_sender(message.is_support),
        "timestamp": message.created_at,
    }
    if message.attachments:
        frame["attachments"] = urls(message.attachments)
    return frame


def typing(*, customer: int, thread: UUID, author: int, name: str) -> Event:
    """Somebody writes; he himself does not hear it."""
    frame = {"type": "TYPING", "user": name, "threadId": thread}
    return Event(customer, frame, author=author, is_echoed=False)


def event_of_news(news: News) -> Event:
    """Something else that happened to a customer; for his own sockets."""
    facts = {
        name: _WORDS.get((news.kind, word), word) if name == "status" else word
        for name, word in news.facts.items()
    }
    frame = {"type": news.kind, "id": news.uuid, **facts, "timestamp": news.at}
    return Event(news.customer_id, frame, is_for_staff=False)


def error(text: str, client_id: str | None = None) -> bytes:
    """The text that answers a frame that cannot be taken."""
    frame = {"type": "ERROR", "error": text}
    return dumps(frame if client_id is None else {**frame, "clientId": client_id})
