"""Contract 002, "Tickets APIs".

Its tickets are support tickets: conversations, which contract 003 shows as threads.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import register_converter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from chat import actions
from chat.models import (
    ENDED,
    MESSAGE_PREFIX,
    SUPPORT_TICKET_PREFIX,
    Conversation,
    ConversationStatus,
    Message,
    SupportTicket,
    SupportTicketPriority,
)
from chat.querysets import SupportTicketFilters
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareList, CareView
from common.http.fields import ChoiceList, Id, Instant, PrefixedId, Word
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.routing import prefixed, route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers.names import customer_name
from orders.models import ORDER_PREFIX

RECENT = 5
SUPPORT = "Support"
_MAX_LENGTH = 10_000
# Values of `?status=`. The contract has three states and shows closed as resolved.
STATES: dict[str, list[str]] = {
    "all": ConversationStatus.values,
    "open": [ConversationStatus.OPEN],
    "in_progress": [ConversationStatus.IN_PROGRESS],
    "resolved": list(ENDED),
}


def format_status(status: str) -> str:
    return "RESOLVED" if status in ENDED else status.upper()


def format_sender_name(is_support: bool, first: str | None, last: str | None) -> str:
    """Return the author's name, or `Support` if a staff author's account was deleted."""
    name = customer_name("", first, last)
    return SUPPORT if is_support and first is None else name


class PriorityField(Word):
    """A priority, stored in lower case."""

    def to_internal_value(self, data: object) -> str:
        return super().to_internal_value(data).lower()


class TicketBriefSerializer(Serializer):
    """A ticket in the list and on the dashboard."""

    id = PrefixedId(SUPPORT_TICKET_PREFIX)
    subject = serializers.CharField(source="conversation.subject")
    status = Derived(
        format_status,
        "conversation.status",
        output=serializers.ChoiceField(["OPEN", "IN_PROGRESS", "RESOLVED"]),
    )
    priority = Derived(
        str.upper,
        "priority",
        output=serializers.ChoiceField([word.upper() for word in SupportTicketPriority.values]),
    )
    created_at = Instant(source="conversation.created_at")


class TicketHeadSerializer(TicketBriefSerializer):
    updated_at = Instant(source="conversation.updated_at")


class MessageSerializer(Serializer):
    id = PrefixedId(MESSAGE_PREFIX)
    sender_id = serializers.IntegerField(source="author_id", allow_null=True)
    sender_name = Derived(
        format_sender_name,
        "is_support",
        "author.first_name",
        "author.last_name",
        output=serializers.CharField(),
    )
    content = serializers.CharField(source="body", allow_blank=True)
    timestamp = Instant(source="created_at")
    is_internal = serializers.BooleanField(help_text="Always false: internal notes are not shown.")


class TicketSerializer(TicketHeadSerializer):
    messages = MessageSerializer(many=True)


class TicketQuery(ListQuery):
    status = ChoiceList(list(STATES), help_text="Comma-separated.")
    search = serializers.CharField(
        required=False, max_length=200, help_text="A part of the subject or of the id."
    )

    def validate_status(self, words: list[str]) -> list[str]:
        """Return the stored states of the contract's."""
        return [state for word in words for state in STATES[word]]


class TicketPath(Query):
    """The ticket in the URL."""

    id = Id()


class TicketInput(Serializer):
    subject = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=_MAX_LENGTH)
    order_id = PrefixedId(ORDER_PREFIX, required=False, allow_null=True)
    priority = PriorityField([word.upper() for word in SupportTicketPriority.values], required=False)


class MessageInput(Serializer):
    content = serializers.CharField(source="body", max_length=_MAX_LENGTH)


def _rows(caller: Caller, filters: SupportTicketFilters) -> QuerySet[SupportTicket]:
    return SupportTicket.objects.visible_to(caller).matching(filters).newest_first()


def _by_id(caller: Caller, filters: Values) -> QuerySet[SupportTicket]:
    return SupportTicket.objects.visible_to(caller).filter(pk=filters["id"])


def _messages(caller: Caller, filters: Values) -> QuerySet[Message]:
    """Return the ticket's messages without internal notes, which only the admin shows."""
    rows = Message.objects.visible_to(caller).public().filter(conversation__support_ticket=filters["id"])
    return rows.order_by("number", "id")


_RECENT = Read(_rows, TicketBriefSerializer)
_TICKET = Read(_by_id, TicketHeadSerializer, params_of(TicketPath))
_MESSAGES = Read(_messages, MessageSerializer, params_of(TicketPath))


def recent_tickets(caller: Caller) -> list[Json]:
    """Return the five newest tickets for the dashboard. One query."""
    return _RECENT.page(caller, {}, slice(0, RECENT))


def _get_body(caller: Caller, id: int) -> Json:
    """Return a ticket with its messages, oldest first. Raises Missing if the caller may not see it."""
    head = _TICKET.one(caller, {"id": id}, Missing("Ticket not found."))
    return {**head, "messages": _MESSAGES.all(caller, {"id": id})}


class Tickets(CareList):
    """List the customer's tickets, newest first."""

    permission_classes = [CustomersOnly]
    query = TicketQuery
    serializer_class = TicketBriefSerializer
    input_class = TicketInput
    rows = staticmethod(_rows)

    @extend_schema(responses={201: TicketSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Create a ticket.

        `description` becomes its first message. `order_id` is optional and names one of the customer's orders.
        """
        ticket = actions.open_support_ticket(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(_get_body(self.caller, ticket.pk), status=201)


class TicketDetail(CareView):
    """Retrieve a ticket."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=TicketSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        """Retrieve a ticket with its messages."""
        return JSONResponse(_get_body(self.caller, id))


class TicketMessages(CareView):
    """Add messages to a ticket."""

    permission_classes = [CustomersOnly]
    input_class = MessageInput

    @extend_schema(responses={201: MessageSerializer})
    def post(self, request: Request, id: int) -> JSONResponse:
        """Add a message to a ticket.

        It reopens a resolved ticket.
        """
        conversation = (
            Conversation.objects.visible_to(self.caller)
            .filter(support_ticket=id)
            .values_list("uuid", flat=True)
            .first()
        )
        if conversation is None:
            raise Missing("Ticket not found.")
        posted = actions.post_message(
            conversation=conversation, by=self.caller, now=timezone.now(), **self.read_body()
        )
        return JSONResponse(serialize(MessageSerializer, posted.message), status=201)


register_converter(prefixed(SUPPORT_TICKET_PREFIX), "ticket_id")

urlpatterns = [
    route("tickets", Tickets.as_view()),
    route("tickets/<ticket_id:id>", TicketDetail.as_view()),
    route("tickets/<ticket_id:id>/messages", TicketMessages.as_view()),
]
