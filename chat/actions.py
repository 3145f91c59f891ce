"""Starting a thread or a ticket, adding to its log, ending it and opening it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from chat import hub
from chat.attachments import Attached, attach
from chat.events import event_of
from chat.models import ENDED, THREAD_MACHINE, Message, Thread, ThreadStatus, Ticket, TicketPriority
from common.caller import Caller
from common.errors import Missing
from common.transitions import transition
from customers.actions import customer_for_write, notify
from customers.models import Customer
from orders.models import Order

_TICK = timedelta(microseconds=1)
# What staff need for each, at every door.
PERMISSIONS = {
    "read": "chat.view_thread",
    "post": "chat.add_message",
    "start": "chat.add_thread",
    "end": "chat.change_thread",
}


class ThreadNotFound(Missing):
    code = "thread_not_found"
    message = "Thread not found"


class OrderNotFound(Missing):
    code = "order_not_found"
    message = "Order not found."


class Posted(NamedTuple):
    """A message in the log, and whether this call put it there."""

    message: Message
    is_new: bool


def start_thread(
    *, by: Caller, subject: str, message: str, now: datetime, customer: Customer | None = None
) -> Thread:
    """A thread with its first message, if there is one to say. `customer` is whom staff write to; a customer starts
    his own, and his record is made where he has none yet."""
    with transaction.atomic():
        thread = Thread.objects.create(
            customer=customer or customer_for_write(by, now=now),
            subject=subject,
            created_at=now,
            updated_at=now,
        )
        if message:
            _append(thread, by=by, body=message, attachments=[], client_id=None, is_internal=False, now=now)
        return thread


def open_ticket(
    *,
    by: Caller,
    subject: str,
    description: str,
    now: datetime,
    priority: str = TicketPriority.MEDIUM,
    order_id: int | None = None,
) -> Ticket:
    """A customer's ticket, a thread whose first message is the description; perhaps about an order of his own.

    Raises OrderNotFound.
    """
    if order_id is not None and not Order.objects.visible_to(by).filter(pk=order_id).exists():
        raise OrderNotFound
    with transaction.atomic():
        thread = start_thread(by=by, subject=subject, message=description, now=now)
        return Ticket.objects.create(thread=thread, priority=priority, order_id=order_id)


def post_message(
    *,
    thread: UUID,
    by: Caller,
    body: str,
    now: datetime,
    uploads: Sequence[UUID] = (),
    client_id: str | None = None,
    is_internal: bool = False,
) -> Posted:
    """Add to a thread's log, and tell everybody who listens once it is stored.

    The same `client_id` of the same sender is stored once: the second time the first message is returned. A customer's
    word opens an ended thread again; support's first answer takes an open one up. Raises ThreadNotFound,
    and what `chat.attachments.attach` raises.
    """
    attached = _attached(thread, uploads, by=by, now=now)
    with transaction.atomic():
        row = Thread.objects.visible_to(by).select_for_update().filter(uuid=thread).first()
        if row is None:
            raise ThreadNotFound
        known = _known(row, by, client_id)
        if known is not None:
            return Posted(known, is_new=False)
        message = _append(
            row,
            by=by,
            body=body,
            attachments=attached,
            client_id=client_id,
            is_internal=is_internal,
            now=now,
        )
        return Posted(message, is_new=True)


def _attached(thread: UUID, uploads: Sequence[UUID], *, by: Caller, now: datetime) -> list[Attached]:
    if not uploads:
        return []
    customer_id = (
        Thread.objects.visible_to(by).values_list("customer_id", flat=True).filter(uuid=thread).first()
    )
    if customer_id is None:
        raise ThreadNotFound
    return attach(uploads, by=by, customer_id=customer_id, now=now)


def change_status(*, thread: Thread, to: str, by: int | None, now: datetime) -> None:
    """End a thread (`resolved`, `closed`) or open it again. Raises IllegalTransition."""
    transition(thread, to, machine=THREAD_MACHINE, by=by, now=now, values={"updated_at": now})


def settle_status(*, thread: UUID, to: str, by: Caller, now: datetime) -> None:
    """Have a thread `closed` or `open`, whatever it is now: saying so twice is no mistake. Raises ThreadNotFound."""
    with transaction.atomic():
        row = Thread.objects.visible_to(by).select_for_update().filter(uuid=thread).first()
        if row is None:
            raise ThreadNotFound
        is_there = row.status == to if to == ThreadStatus.CLOSED else row.status not in ENDED
        if not is_there:
            change_status(thread=row, to=to, by=by.user_id, now=now)


def _known(thread: Thread, by: Caller, client_id: str | None) -> Message | None:
    """What this sender has stored under `client_id`. Whoever stores holds the thread's lock, so nobody is between."""
    if client_id is None:
        return None
    return Message.objects.filter(thread=thread, author_id=by.user_id, client_id=client_id).first()


def _append(
    thread: Thread,
    *,
    by: Caller,
    body: str,
    attachments: list[Attached],
    client_id: str | None,
    is_internal: bool,
    now: datetime,
) -> Message:
    """The next entry of a locked thread. Its time is `now`, or just after the last one's where clocks disagree."""
    at = now if thread.last_at is None or now > thread.last_at else thread.last_at + _TICK
    message = Message.objects.create(
        thread=thread,
        number=thread.last_number + 1,
        author_id=by.user_id,
        is_support=by.is_staff,
        is_internal=is_internal,
        body=body,
        attachments=attachments,
        client_id=client_id,
        created_at=at,
    )
    thread.last_number, thread.last_at = message.number, at
    changed = ["last_number", "last_at"]
    if not is_internal:
        thread.last_message, thread.updated_at = message, at
        changed += ["last_message", "updated_at"]
    Thread.objects.filter(pk=thread.pk).update(**{name: getattr(thread, name) for name in changed})
    if not is_internal and (status := _after(thread.status, by)):
        transition(thread, status, machine=THREAD_MACHINE, by=by.user_id, now=now)
    event = event_of(message, thread)
    transaction.on_commit(lambda: hub.publish(event), robust=True)
    if by.is_staff and not is_internal:
        _tell(thread, now=now)
    return message


def _tell(thread: Thread, *, now: datetime) -> None:
    """Support has answered: of a ticket the customer is told. A chat is talk, and he sees it there."""
    ticket = Ticket.objects.filter(thread=thread).first()
    if ticket is not None:
        notify(
            customer_id=thread.customer_id,
            type="SUPPORT",
            title="Support Reply",
            message=f"Support has answered your ticket {ticket.number}: {thread.subject}",
            now=now,
        )


def _after(status: str, by: Caller) -> str | None:
    """Where a message leads the thread: support takes up what is open, a customer opens what has ended."""
    if by.is_staff:
        return ThreadStatus.IN_PROGRESS if status == ThreadStatus.OPEN else None
    return ThreadStatus.OPEN if status in ENDED else None
