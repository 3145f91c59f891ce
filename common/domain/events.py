"""Record what happened (docs/design, D24).

An event is a row of the transaction that it reports. Subscribers are called when the transaction commits, in the
process that committed it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import models, transaction

from common.domain.models import Event

Subscriber = Callable[[Event, models.Model], None]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Call `subscriber(event, subject)` for each event from now on, on the thread that committed it.

    Delivery is best effort: it does not survive a crash between commit and call.
    """
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def record(type: str, subject: models.Model, *, at: datetime, **payload: str | int | None) -> Event:
    """Store an event about `subject` in the present transaction and announce it on commit.

    `type` is `<app>.<model>.<what happened>`. The subject's id, and its uuid and customer's id where it has them, are
    added to the payload. A subscriber's failure is logged and affects nothing else.
    """
    event = Event.objects.create(
        type=type, subject=f"{subject._meta.label_lower}:{subject.pk}", at=at, payload=_ids(subject) | payload
    )

    # A partial has no name for the log line of a failure, and would fail with it.
    def announce() -> None:
        for subscriber in _subscribers:
            subscriber(event, subject)

    transaction.on_commit(announce, robust=True)
    return event


def _ids(subject: models.Model) -> dict[str, str | int | None]:
    ids: dict[str, str | int | None] = {"id": subject.pk}
    if hasattr(subject, "uuid"):
        ids["uuid"] = str(subject.uuid)
    if hasattr(subject, "customer_id"):
        ids["customer_id"] = subject.customer_id
    return ids
