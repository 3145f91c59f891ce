"""Publish stored messages (docs/design, D45).

The socket server subscribes to them. This module does not import it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction

from chat.models import Message


@dataclass(frozen=True, slots=True)
class Event:
    """A message was appended to the log of `message.conversation`, which is loaded."""

    message: Message


Subscriber = Callable[[Sequence[Event]], None]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Call `subscriber(events)` with the events of each transaction, on the thread that committed it.

    Delivery is best effort: it does not survive a crash between commit and call.
    """
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def publish(events: Sequence[Event]) -> None:
    """Call the subscribers when the transaction commits. A subscriber's failure is logged and affects nothing else."""

    # A partial has no name for the log line of a failure, and would fail with it.
    def announce() -> None:
        for subscriber in _subscribers:
            subscriber(events)

    transaction.on_commit(announce, robust=True)
