"""Record what happened (docs/design, D24).

An event is a row of the transaction that it reports. Subscribers are called when the transaction commits, in the
process that committed it.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from common.domain.constraints import ReadInOrder
from common.domain.models import Event

Subscriber = Callable[[Event, models.Model], None]
Payload = Callable[[Any], Mapping[str, str | int | None]]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Call `subscriber(event, subject)` for each event from now on, on the thread that committed it.

    Delivery is best effort: it does not survive a crash between commit and call.
    """
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def record(type: str, subject: models.Model, *, at: datetime, **payload: str | int | None) -> Event:
    """Store an event about `subject` in the present transaction and announce it on commit.

    `type` is `<app>.<model>.<what happened>`. The ids of the subject are added to the payload (`id_names`). A
    subscriber's failure is logged and affects nothing else.
    """
    event = _build(type, subject, at, payload)
    with transaction.atomic(savepoint=False):  # for a caller whose change is one statement
        event.save(force_insert=True)
        _announce([(event, subject)])
    return event


def record_new(row: models.Model, **payload: str | int | None) -> None:
    """Record `<app>.<model>.created` for a row that was created just now."""
    record(f"{row._meta.label_lower}.created", row, at=timezone.now(), **payload)


def record_change(row: models.Model, **payload: str | int | None) -> None:
    """Record `<app>.<model>.changed` for a row that was changed just now, or the rows that belong to it."""
    record(f"{row._meta.label_lower}.changed", row, at=timezone.now(), **payload)


def record_removal(row: models.Model, **payload: str | int | None) -> None:
    """Record `<app>.<model>.removed` for a row that is deleted next, in the same transaction."""
    record(f"{row._meta.label_lower}.removed", row, at=timezone.now(), **payload)


def record_all(
    what: str, rows: Sequence[models.Model], *, at: datetime, payload: Payload | None = None
) -> None:
    """Record `<app>.<model>.<what>` for each of many rows with one statement. `payload(row)` are its further values."""
    pairs = [
        (_build(f"{row._meta.label_lower}.{what}", row, at, payload(row) if payload else {}), row)
        for row in rows
    ]
    with transaction.atomic(savepoint=False):
        Event.objects.bulk_create([event for event, _ in pairs])
        _announce(pairs)


def id_names(model: builtins.type[models.Model]) -> list[str]:
    """Return the ids of a subject that its events hold: its own, and its customer's or else those of its owners."""
    names = ["id", *(["uuid"] if hasattr(model, "uuid") else [])]
    if hasattr(model, "customer_id"):
        return [*names, "customer_id"]
    return names + [name for name in _OWNERS if hasattr(model, name)]


_OWNERS = (
    *("repair_order_id", "vehicle_id", "user_id", "location_id", "technician_id", "part_id"),
    *("conversation_id", "inspection_id"),
)


def _build(type: str, subject: models.Model, at: datetime, payload: Mapping[str, str | int | None]) -> Event:
    ids = {name: getattr(subject, name) for name in id_names(subject.__class__)}
    if "uuid" in ids:
        ids["uuid"] = str(ids["uuid"])
    return Event(
        type=type, subject=f"{subject._meta.label_lower}:{subject.pk}", at=at, payload={**ids, **payload}
    )


def _announce(pairs: Sequence[tuple[Event, models.Model]]) -> None:
    # A partial has no name for the log line of a failure, and would fail with it.
    def announce() -> None:
        for event, subject in pairs:
            for subscriber in _subscribers:
                subscriber(event, subject)

    transaction.on_commit(announce, robust=True)


_LAST_ID = "SELECT last_value - (NOT is_called)::int FROM common_event_id_seq"


def readable() -> models.QuerySet[Event]:
    """Return the events that can be read now, in order: none with a smaller id can still appear (`ReadInOrder`).

    The last id is read first, then the locks. A transaction whose lock is not seen has either ended, and its events are
    in the rows that are read later, or it draws larger ids than the last one. A transaction reads its own events.
    """
    rows = Event.objects.order_by("id")
    if connection.vendor != "postgresql":
        return rows
    with connection.cursor() as cursor:
        cursor.execute(_LAST_ID)
        [last] = cursor.fetchone()
        cursor.execute(
            "SELECT objid::bigint FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
            "WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND datname = current_database() "
            "AND pid <> pg_backend_pid()",
            [ReadInOrder.LOCKS],
        )
        behind = [(last - held) % ReadInOrder.WRAP for (held,) in cursor.fetchall()]
    # A lock that was taken since is of a larger id than the last one.
    return rows.filter(pk__lte=last - max((one for one in behind if one < ReadInOrder.WRAP // 2), default=0))
