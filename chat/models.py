"""Conversations of customers, their messages and support tickets (docs/design, D44)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from chat.querysets import ConversationQuerySet, MessageQuerySet, SupportTicketQuerySet
from common.domain import ids
from common.domain.caller import Caller
from common.domain.ids import Identified
from common.domain.text_fields import LineField, ParagraphsField
from common.domain.transitions import Machine
from customers.models import Customer
from orders.models import Order

SUPPORT_TICKET_PREFIX, MESSAGE_PREFIX = "TKT", "MSG"


class ConversationStatus(models.TextChoices):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


_S = ConversationStatus
# Staff's first answer moves an open conversation to in_progress. A customer's message reopens an ended one.
CONVERSATION_MACHINE: Machine = {
    _S.OPEN: frozenset({_S.IN_PROGRESS, _S.RESOLVED, _S.CLOSED}),
    _S.IN_PROGRESS: frozenset({_S.RESOLVED, _S.CLOSED}),
    _S.RESOLVED: frozenset({_S.OPEN, _S.CLOSED}),
    _S.CLOSED: frozenset({_S.OPEN}),
}
ENDED = (_S.RESOLVED.value, _S.CLOSED.value)


class Conversation(Identified):
    """A conversation of a customer with the shop: a log of messages.

    Change `last_number` and `last_at` only under the row's lock: they are the last message's, internal notes included.
    `last_message` and `updated_at` are shown to the customer and leave internal notes out.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    subject = LineField(max_length=200)
    status = models.CharField(max_length=11, choices=_S, default=_S.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    last_number = models.PositiveIntegerField(default=0, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)
    last_message = models.ForeignKey(
        "Message", on_delete=models.SET_NULL, null=True, editable=False, related_name="+", db_index=False
    )

    history = HistoricalRecords(excluded_fields=["updated_at", "last_number", "last_at", "last_message"])
    objects = ConversationQuerySet["Conversation"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_S.values), name="conversation_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["customer", "-updated_at", "-id"], name="conversation_of_customer"),
            models.Index(fields=["customer", "-created_at", "-id"], name="conversation_of_customer_age"),
            models.Index(fields=["-updated_at", "-id"], name="conversation_by_activity"),
            models.Index(fields=["last_at"], name="conversation_with_news"),
            models.Index(fields=["status"], name="conversation_by_status"),
        ]

    def __str__(self) -> str:
        return self.subject

    def is_visible_to(self, caller: Caller) -> bool:
        """Return whether `ConversationQuerySet.visible_to` would include this row."""
        return caller.is_staff or self.customer_id == caller.account


class Message(Identified):
    """An entry of a conversation's log, which is append-only.

    A message that its author withdraws keeps its place and loses its content.

    Numbers have no gap within a conversation, and `created_at` grows with them, so that `?since=` misses no message
    (docs/design, D44).
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_support = models.BooleanField(
        help_text="Whether staff wrote it. The author's account may be deleted later."
    )
    is_internal = models.BooleanField(default=False, help_text="Only staff can see it.")
    body = ParagraphsField(blank=True)
    attachments = models.JSONField(default=list, blank=True, help_text="The uploads, as [{id, url}].")
    client_id = models.CharField(
        max_length=100,
        null=True,
        blank=True,
        help_text="The sending app's own id. One per sender and conversation.",
    )
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the customer took it back. It has no content then.",
    )

    objects = MessageQuerySet["Message"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["conversation", "number"], name="message_number_once"),
            models.UniqueConstraint(fields=["conversation", "created_at"], name="message_instant_once"),
            models.UniqueConstraint(fields=["conversation", "author", "client_id"], name="client_id_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="message_numbers_start_at_one"),
            models.CheckConstraint(
                condition=Q(is_internal=False) | Q(is_support=True), name="internal_notes_are_the_shops"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(is_support=False, body=""),
                name="withdrawn_message_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"Message {self.number} of conversation {self.conversation_id}"


class SupportTicketPriority(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class SupportTicket(models.Model):
    """A conversation with a number, a priority and perhaps an order.

    Customer, subject, status and messages are the conversation's.
    """

    id = models.BigAutoField(primary_key=True)
    conversation = models.OneToOneField(Conversation, on_delete=models.PROTECT, related_name="support_ticket")
    priority = models.CharField(
        max_length=6, choices=SupportTicketPriority, default=SupportTicketPriority.MEDIUM
    )
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="support_tickets",
        help_text="The order that the ticket is about.",
    )

    history = HistoricalRecords()
    objects = SupportTicketQuerySet["SupportTicket"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(priority__in=SupportTicketPriority.values),
                name="support_ticket_priority_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """Return the number as the customer sees it: `TKT456`."""
        return ids.format_id(SUPPORT_TICKET_PREFIX, self.pk)
