"""Contract 002, "Tickets APIs": tickets are conversations of the chat, which other apps of the customer show as such."""

from __future__ import annotations

from typing import Any

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
from common.http.contracts.care import CareList, CareView
from common.http.fields import ChoiceList, Id, Instant, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import prefixed, route
from common.http.views import serialize
from common.reads.fields import Derived
from common.reads.read import Read
from common.reads.serializers import Serializer
from customers.names import customer_name
from orders.models import ORDER_PREFIX

NEWEST = 5
SUPPORT = "Support"
_LONGEST = 10_000
# The words of `?status=`: the contract knows three states, and does not tell resolved from closed.
WORDS: dict[str, list[str]] = {
    "all": ConversationStatus.values,
    "open": [ConversationStatus.OPEN],
    "in_progress": [ConversationStatus.IN_PROGRESS],
    "resolved": list(ENDED),
}


def spell_status(status: str) -> str:
    return "RESOLVED" if status in ENDED else status.upper()


def spell_sender(is_support: bool, first: str | None, last: str | None) -> str:
    """Who wrote it; he may be gone."""
    name = customer_name("", first, last)
    return SUPPORT if is_support and first is None else name


class PriorityField(serializers.ChoiceField):
    """A priority in any case."""

    def to_internal_value(self, data: Any) -> Any:
        return str(super().to_internal_value(str(data).upper())).lower()


class TicketBriefSerializer(Serializer):
    """A ticket in the list and on the dashboard."""

    id = PrefixedId(SUPPORT_TICKET_PREFIX)
    subject = serializers.CharField(source="conversation.subject")
    status = Derived(
        spell_status,
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
        spell_sender, "is_support", "author.first_name", "author.last_name", output=serializers.CharField()
    )
    content = serializers.CharField(source="body", allow_blank=True)
    timestamp = Instant(source="created_at")
    is_internal = serializers.BooleanField(help_text="Always false: the shop's notes are its own.")


class TicketSerializer(TicketHeadSerializer):
    messages = MessageSerializer(many=True)


class TicketQuery(ListQuery):
    status = ChoiceList(list(WORDS), help_text="Comma-separated.")
    search = serializers.CharField(required=False, max_length=200, help_text="In the subject or the id.")

    def validate_status(self, words: list[str]) -> list[str]:
        """The contract's words as the states they stand for."""
        return [state for word in words for state in WORDS[word]]


class OneQuery(Query):
    id = Id()


class TicketInput(Serializer):
    subject = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=_LONGEST)
    order_id = PrefixedId(ORDER_PREFIX, required=False, allow_null=True)
    priority = PriorityField([word.upper() for word in SupportTicketPriority.values], required=False)


class MessageInput(Serializer):
    content = serializers.CharField(source="body", max_length=_LONGEST)


def _rows(caller: Caller, filters: SupportTicketFilters) -> QuerySet[SupportTicket]:
    return SupportTicket.objects.visible_to(caller).matching(filters).newest_first()


def _one(caller: Caller, filters: Values) -> QuerySet[SupportTicket]:
    return SupportTicket.objects.visible_to(caller).filter(pk=filters["id"])


def _log(caller: Caller, filters: Values) -> QuerySet[Message]:
    """The shop's internal notes are for its own pages: here nobody sees them."""
    rows = Message.objects.visible_to(caller).public().filter(conversation__support_ticket=filters["id"])
    return rows.order_by("number", "id")


_RECENT = Read(_rows, TicketBriefSerializer)
_TICKET = Read(_one, TicketHeadSerializer, params_of(OneQuery))
_MESSAGES = Read(_log, MessageSerializer, params_of(OneQuery))


def recent_tickets(caller: Caller) -> list[Any]:
    """The dashboard's newest five. One query."""
    return _RECENT.page(caller, {}, slice(0, NEWEST))


def _show(caller: Caller, id: int) -> Json:
    """A ticket with its messages, oldest first. Missing where there is none for this caller."""
    head = _TICKET.one(caller, {"id": id}, Missing("Ticket not found."))
    return {**head, "messages": _MESSAGES.all(caller, {"id": id})}


class Tickets(CareList):
    """The signed-in customer's tickets, the newest first."""

    permission_classes = [CustomersOnly]
    query = TicketQuery
    serializer_class = TicketBriefSerializer
    input_class = TicketInput
    rows = staticmethod(_rows)

    @extend_schema(responses={201: TicketSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Open a ticket, perhaps about an order of one's own; the description is its first message."""
        ticket = actions.open_support_ticket(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(_show(self.caller, ticket.pk), status=201)


class TicketDetail(CareView):
    """One ticket of the signed-in customer, with its messages."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=TicketSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        return JSONResponse(_show(self.caller, id))


class TicketMessages(CareView):
    """The log of a ticket."""

    permission_classes = [CustomersOnly]
    input_class = MessageInput

    @extend_schema(responses={201: MessageSerializer})
    def post(self, request: Request, id: int) -> JSONResponse:
        """Add a message. One to a resolved ticket opens it again."""
        body = self.read_body()
        conversation = (
            Conversation.objects.visible_to(self.caller)
            .filter(support_ticket=id)
            .values_list("uuid", flat=True)
            .first()
        )
        if conversation is None:
            raise Missing("Ticket not found.")
        posted = actions.post_message(conversation=conversation, by=self.caller, now=timezone.now(), **body)
        return JSONResponse(serialize(MessageSerializer, posted.message), status=201)


register_converter(prefixed(SUPPORT_TICKET_PREFIX), "ticket_id")

urlpatterns = [
    route("tickets", Tickets.as_view()),
    route("tickets/<ticket_id:id>", TicketDetail.as_view()),
    route("tickets/<ticket_id:id>/messages", TicketMessages.as_view()),
]
