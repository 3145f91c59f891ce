"""Publish messages that were stored (docs/design, D45). The socket server subscribes; this module does not know it."""

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
    """Call `subscriber(events)` for the events of each transaction, on the conversation that committed it."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def publish(events: Sequence[Event]) -> None:
    """Call the subscribers when the transaction commits. A subscriber's failure is logged and affects nothing else."""

    # A partial has no name for the log line of a failure, and would fail with it.
    def announce() -> None:
        for subscriber in _subscribers:
            subscriber(events)

    transaction.on_commit(announce, robust=True)
