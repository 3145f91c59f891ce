"""Contract 002, "Tickets APIs".

Its tickets are support tickets: conversations, which contract 003 shows as threads.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.urls import register_converter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from chat import actions
from chat.attachments import MAX_FILES, attachment_urls, save_files
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
from chat.queries import with_message_counts
from chat.querysets import SupportTicketFilters
from common.domain.caller import Caller
from common.domain.days import day_of
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareError, CareList, CareView
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
MAX_LENGTH = 10_000
# Values of `?status=`. The contract has three states and shows closed as resolved.
STATES: dict[str, list[str]] = {
    "all": ConversationStatus.values,
    "open": [ConversationStatus.OPEN],
    "in_progress": [ConversationStatus.IN_PROGRESS],
    "resolved": list(ENDED),
    "closed": [ConversationStatus.CLOSED],
}
CUSTOMER, SUPPORT_SIDE = "customer", "support"


def format_status(status: str) -> str:
    return "RESOLVED" if status in ENDED else status.upper()


def format_sender_name(is_support: bool, first: str | None, last: str | None) -> str:
    """Return the author's name, or `Support` if a staff author's account was deleted."""
    name = customer_name("", first, last)
    return SUPPORT if is_support and first is None else name


def format_sender_type(is_support: bool) -> str:
    """Return the side that wrote a message."""
    return SUPPORT_SIDE if is_support else CUSTOMER


class PriorityField(Word):
    """A priority, stored in lower case."""

    def to_internal_value(self, data: object) -> str:
        return super().to_internal_value(data).lower()


class OptionalOrderId(PrefixedId):
    """The id of an order. `none` and an empty text, which forms send without a choice, name no order."""

    def __init__(self) -> None:
        super().__init__(ORDER_PREFIX, required=False, allow_null=True)

    def run_validation(self, data: object = empty) -> object:
        is_empty = isinstance(data, str) and data.strip().lower() in ("", "none")
        return super().run_validation(None if is_empty else data)


class TicketBriefSerializer(Serializer):
    """The keys that the list, the dashboard and a ticket itself show."""

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


class RecentTicketSerializer(TicketBriefSerializer):
    """A ticket of the dashboard."""

    date = Derived(day_of, "conversation.created_at", output=serializers.DateField())


class TicketRowSerializer(TicketBriefSerializer):
    """A ticket of the list."""

    related_order_id = PrefixedId(
        ORDER_PREFIX,
        source="order_id",
        allow_null=True,
        help_text="Id of the parts order that the ticket is about. Null without one.",
    )
    message_count = serializers.IntegerField(help_text="Number of messages that the customer can read.")


class TicketHeadSerializer(TicketRowSerializer):
    updated_at = Instant(source="conversation.updated_at")


class MessageSerializer(Serializer):
    id = PrefixedId(MESSAGE_PREFIX)
    sender_id = serializers.IntegerField(
        source="author_id",
        allow_null=True,
        help_text="Id of the user who wrote it. Null if the account was deleted.",
    )
    sender_name = Derived(
        format_sender_name,
        "is_support",
        "author.first_name",
        "author.last_name",
        output=serializers.CharField(
            help_text="Name of the user who wrote it, `Support` if their account was deleted."
        ),
    )
    content = serializers.CharField(
        source="body", allow_blank=True, help_text="Text of the message. Empty if it has only attachments."
    )
    timestamp = Instant(source="created_at")
    is_internal = serializers.BooleanField(help_text="Always false: internal notes are not shown.")
    sender_type = Derived(
        format_sender_type,
        "is_support",
        output=serializers.ChoiceField(choices=[CUSTOMER, SUPPORT_SIDE], help_text="Side that wrote it."),
    )
    attachments = Derived(
        attachment_urls,
        "attachments",
        output=serializers.ListField(child=serializers.CharField(), help_text="URLs."),
    )


class TicketSerializer(TicketHeadSerializer):
    messages = MessageSerializer(many=True, help_text="The messages of the ticket, oldest first.")


class NewTicketSerializer(TicketSerializer):
    ticket_id = PrefixedId(SUPPORT_TICKET_PREFIX, source="id", help_text="The same as `id`.")


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
    description = serializers.CharField(max_length=MAX_LENGTH)
    order_id = OptionalOrderId()
    priority = PriorityField([word.upper() for word in SupportTicketPriority.values], required=False)


class MessageInput(Serializer):
    content = serializers.CharField(source="body", max_length=MAX_LENGTH, help_text="Text of the message.")


class AttachmentsInput(Serializer):
    """Files of a form. Each is checked for its type, its size and its first bytes."""

    files = serializers.ListField(
        child=serializers.FileField(),
        source="attachments",
        allow_empty=False,
        max_length=MAX_FILES,
        help_text="Images or PDF files.",
    )


class Deleted(Serializer):
    message = serializers.CharField()


def _rows(caller: Caller, filters: SupportTicketFilters) -> QuerySet[SupportTicket]:
    return SupportTicket.objects.visible_to(caller).matching(filters).newest_first()


def _counted_rows(caller: Caller, filters: SupportTicketFilters) -> QuerySet[SupportTicket]:
    return with_message_counts(_rows(caller, filters))


def _by_id(caller: Caller, filters: Values) -> QuerySet[SupportTicket]:
    return with_message_counts(SupportTicket.objects.visible_to(caller).filter(pk=filters["id"]))


def _messages(caller: Caller, filters: Values) -> QuerySet[Message]:
    """Return the ticket's messages without internal notes and withdrawn messages, which only staff see."""
    rows = Message.objects.visible_to(caller).public().filter(conversation__support_ticket=filters["id"])
    return rows.order_by("number", "id")


_RECENT = Read(_rows, RecentTicketSerializer)
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
    serializer_class = TicketRowSerializer
    input_class = TicketInput
    rows = staticmethod(_counted_rows)

    @extend_schema(responses={201: NewTicketSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Create a ticket.

        `description` becomes its first message. `order_id` is optional and names one of the customer's orders.
        """
        ticket = actions.open_support_ticket(by=self.caller, now=timezone.now(), **self.read_body())
        body = _get_body(self.caller, ticket.pk)
        return JSONResponse({**body, "ticket_id": body["id"]}, status=201)


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
        posted = actions.post_message(
            conversation=_conversation_of(self.caller, id),
            by=self.caller,
            now=timezone.now(),
            **self.read_body(),
        )
        return JSONResponse(serialize(MessageSerializer, posted.message), status=201)


class TicketMessage(CareView):
    """Delete a message of a ticket."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses={200: Deleted, 409: CareError})
    def delete(self, request: Request, id: int, message_id: int) -> JSONResponse:
        """Delete your own message.

        A message that the shop has answered cannot be deleted any more.
        """
        conversation = _conversation_of(self.caller, id)
        actions.withdraw_message(
            conversation=conversation, message_id=message_id, by=self.caller, now=timezone.now()
        )
        return JSONResponse({"message": "The message was deleted."})


class TicketAttachments(CareView):
    """Attach files to a ticket."""

    permission_classes = [CustomersOnly]
    parser_classes = [MultiPartParser]
    input_class = AttachmentsInput
    body_limit = "MAX_UPLOAD_BYTES"

    @extend_schema(responses={201: MessageSerializer})
    def post(self, request: Request, id: int) -> JSONResponse:
        """Attach files to a ticket.

        They become a message that names them. JPEG, PNG, WebP, GIF, HEIC, HEIF and PDF files are accepted, up to ten in
        one request.
        """
        conversation, files, now = (
            _conversation_of(self.caller, id),
            self.read_body()["attachments"],
            timezone.now(),
        )
        received = save_files(files, by=self.caller, now=now)
        posted = actions.post_message(
            conversation=conversation,
            by=self.caller,
            body=received.description,
            uploads=received.uploads,
            now=now,
        )
        return JSONResponse(serialize(MessageSerializer, posted.message), status=201)


def _conversation_of(caller: Caller, ticket: int) -> UUID:
    """Return the uuid of a ticket's conversation. Raises Missing if the caller may not see the ticket."""
    rows = Conversation.objects.visible_to(caller).filter(support_ticket=ticket)
    found = rows.values_list("uuid", flat=True).first()
    if found is None:
        raise Missing("Ticket not found.")
    return found


register_converter(prefixed(SUPPORT_TICKET_PREFIX), "ticket_id")
register_converter(prefixed(MESSAGE_PREFIX), "message_id")

urlpatterns = [
    route("tickets", Tickets.as_view()),
    route("tickets/<ticket_id:id>", TicketDetail.as_view()),
    route("tickets/<ticket_id:id>/messages", TicketMessages.as_view()),
    route("tickets/<ticket_id:id>/messages/<message_id:message_id>", TicketMessage.as_view()),
    route("tickets/<ticket_id:id>/attachments", TicketAttachments.as_view()),
]
