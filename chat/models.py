"""One log of messages for chat and tickets alike: threads of a customer, messages numbered within them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from chat.querysets import MessageQuerySet, ThreadQuerySet, TicketQuerySet
from common.domain import ids
from common.domain.caller import Caller
from common.domain.ids import Identified
from common.domain.transitions import Machine
from customers.models import Customer
from orders.models import Order

TICKET_PREFIX, MESSAGE_PREFIX = "TKT", "MSG"


class ThreadStatus(models.TextChoices):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


_S = ThreadStatus
# Support's first answer takes it up; the customer's next word opens it again, whoever had ended it.
THREAD_MACHINE: Machine = {
    _S.OPEN: frozenset({_S.IN_PROGRESS, _S.RESOLVED, _S.CLOSED}),
    _S.IN_PROGRESS: frozenset({_S.RESOLVED, _S.CLOSED}),
    _S.RESOLVED: frozenset({_S.OPEN, _S.CLOSED}),
    _S.CLOSED: frozenset({_S.OPEN}),
}
ENDED = (_S.RESOLVED.value, _S.CLOSED.value)


class Thread(Identified):
    """A conversation of a customer with the shop.

    `last_number` and `last_at` belong to whoever holds the row's lock: the next message is one later and younger.
    `last_message` and `updated_at` are what a customer sees, and never speak of an internal note.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="threads", db_index=False)
    subject = models.CharField(max_length=200)
    status = models.CharField(max_length=11, choices=_S, default=_S.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    last_number = models.PositiveIntegerField(default=0, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)
    last_message = models.ForeignKey(
        "Message", on_delete=models.SET_NULL, null=True, editable=False, related_name="+", db_index=False
    )

    history = HistoricalRecords(excluded_fields=["updated_at", "last_number", "last_at", "last_message"])
    objects = ThreadQuerySet["Thread"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_S.values), name="thread_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["customer", "-updated_at", "-id"], name="thread_of_customer"),
            models.Index(fields=["customer", "-created_at", "-id"], name="thread_of_customer_by_age"),
            models.Index(fields=["-updated_at", "-id"], name="thread_by_activity"),
            models.Index(fields=["last_at"], name="thread_with_news"),
            models.Index(fields=["status"], name="thread_by_status"),
        ]

    def __str__(self) -> str:
        return self.subject

    def is_visible_to(self, caller: Caller) -> bool:
        """`ThreadQuerySet.visible_to` of a row that is here already."""
        return caller.is_staff or self.customer_id == caller.account


class Message(Identified):
    """One entry of a thread's log; written once, never changed.

    Numbers have no gap within a thread, and time grows with them: `since` misses nothing (docs/design, D44).
    """

    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="messages", db_index=False)
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_support = models.BooleanField(help_text="Whether the shop wrote it; the author may be gone one day.")
    is_internal = models.BooleanField(default=False, help_text="For the shop alone.")
    body = models.TextField(blank=True)
    attachments = models.JSONField(
        default=list, blank=True, help_text="[{id, url}] of the uploads that came with it."
    )
    client_id = models.CharField(
        max_length=100, null=True, blank=True, help_text="The sending app's own name for it."
    )
    created_at = models.DateTimeField()

    objects = MessageQuerySet["Message"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "number"], name="message_number_once"),
            models.UniqueConstraint(fields=["thread", "created_at"], name="message_instant_once"),
            models.UniqueConstraint(fields=["thread", "author", "client_id"], name="client_id_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="message_numbers_start_at_one"),
            models.CheckConstraint(
                condition=Q(is_internal=False) | Q(is_support=True), name="internal_notes_are_the_shops"
            ),
        ]

    def __str__(self) -> str:
        return f"Message {self.number} of thread {self.thread_id}"


class TicketPriority(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Ticket(models.Model):
    """A thread that somebody has to see to. Customer, subject, status and messages are the thread's."""

    id = models.BigAutoField(primary_key=True)
    thread = models.OneToOneField(Thread, on_delete=models.PROTECT, related_name="ticket")
    priority = models.CharField(max_length=6, choices=TicketPriority, default=TicketPriority.MEDIUM)
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tickets",
        help_text="What it is about.",
    )

    history = HistoricalRecords()
    objects = TicketQuerySet["Ticket"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(priority__in=TicketPriority.values), name="ticket_priority_is_known"
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """As the customer knows it."""
        return ids.format_id(TICKET_PREFIX, self.pk)
