"""What a customer's open apps are told the moment it is stored.

A floor that changes something calls `tell`; the room above that holds the sockets registers itself. Nothing is kept
here and nothing is promised: who is not connected reads it when he comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction


@dataclass(frozen=True)
class News:
    """One thing that happened to one customer. `kind` is NOTIFICATION, APPOINTMENT or REPAIR_ORDER; `facts` are
    stored words, which the contract spells."""

    kind: str
    customer_id: int
    uuid: UUID
    at: datetime
    facts: dict[str, str]


Listener = Callable[[News], None]
_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Have `listener` called with everything told from now on, on the thread that committed it."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell(kind: str, /, *, customer_id: int, uuid: UUID, at: datetime, **facts: str) -> None:
    """Tell it when the transaction commits, never before; a listener's failure is logged and goes no further."""
    news = News(kind, customer_id, uuid, at, facts)

    # A partial has no name for the log line of a failure, and would fail with it.
    def tell_everybody() -> None:
        for listener in _listeners:
            listener(news)

    transaction.on_commit(tell_everybody, robust=True)
