"""Tell a customer's connected apps about a change when it is committed.

A room that changes something calls `tell`. The room of the sockets registers a listener. Delivery is best effort and
nothing is stored here: an app that is not connected reads the change with its next request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction


@dataclass(frozen=True)
class News:
    """One change of one customer's data.

    `kind` is NOTIFICATION, APPOINTMENT or REPAIR_ORDER. `facts` are stored values, which the contract formats.
    """

    kind: str
    customer_id: int
    uuid: UUID
    at: datetime
    facts: dict[str, str]


Listener = Callable[[News], None]
_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Call `listener` with all news from now on, on the thread that committed it."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell(kind: str, /, *, customer_id: int, uuid: UUID, at: datetime, **facts: str) -> None:
    """Call the listeners when the transaction commits. A listener's failure is logged and affects nothing else."""
    news = News(kind, customer_id, uuid, at, facts)

    # A partial has no name for the log line of a failure, and would fail with it.
    def announce() -> None:
        for listener in _listeners:
            listener(news)

    transaction.on_commit(announce, robust=True)
