"""Contract 002: the chat window of its client, which begins every page (docs/design, D17).

It is a support ticket. Members of the shop's staff answer it. No answer is generated.
"""

from __future__ import annotations

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from chat import window
from chat.api.care import MAX_LENGTH
from chat.models import SUPPORT_TICKET_PREFIX, SupportTicket
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareView
from common.http.fields import OptionalText, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.routing import route
from common.reads.serializers import Serializer

NEW = "new"
RECEIVED = (
    "Your message was sent to the shop. No assistant answers here: a member of the staff answers in ticket {number}, "
    "under your tickets."
)


class WindowId(serializers.CharField):
    """The id of the window's ticket, or `new` before there is one. Validated to the integer, or None."""

    def __init__(self) -> None:
        super().__init__(
            source="ticket_id", help_text="The `id` that `start` answered: a ticket's like TKT123, or `new`."
        )

    def to_internal_value(self, data: object) -> int | None:  # type: ignore[override]  # the integer behind it
        return None if data == NEW else PrefixedId(SUPPORT_TICKET_PREFIX).to_internal_value(data)


class StartInput(Serializer):
    initial_message = OptionalText(max_length=MAX_LENGTH, help_text="The first message. It can be left out.")


class WindowInput(Serializer):
    conversation_id = WindowId()
    message = serializers.CharField(source="body", max_length=MAX_LENGTH, help_text="Text of the message.")


class EscalationInput(Serializer):
    conversation_id = WindowId()
    reason = serializers.CharField(max_length=MAX_LENGTH)


class StartedSerializer(Serializer):
    id = serializers.CharField(help_text="The open ticket, or `new` if the first message opens one.")
    status = serializers.CharField(help_text="Always ACTIVE.")


class ReceivedSerializer(Serializer):
    id = serializers.CharField(
        allow_null=True, help_text="Always null: `content` is no message of the ticket."
    )
    conversation_id = PrefixedId(
        SUPPORT_TICKET_PREFIX, help_text="Id of the ticket that the message was added to."
    )
    content = serializers.CharField(help_text="The confirmation, with the ticket that is answered by staff.")
    sender_type = serializers.CharField(help_text="Always SYSTEM.")
    rag_sources = serializers.ListField(child=serializers.CharField(), help_text="Always empty.")


class EscalatedSerializer(Serializer):
    message = serializers.CharField()
    ticket_id = PrefixedId(SUPPORT_TICKET_PREFIX)


class WindowView(CareView):
    permission_classes = [CustomersOnly]


class StartWindow(WindowView):
    """Start the chat window."""

    input_class = StartInput

    @extend_schema(responses=StartedSerializer)
    def post(self, request: Request) -> JSONResponse:
        """Return the open ticket of the chat window.

        Opening the window writes nothing: a ticket is opened by its first message, which may be sent along.
        """
        message = self.read_body()["initial_message"]
        ticket = window.find_open(self.caller)
        if message:
            ticket_id = ticket.pk if ticket else None
            ticket = window.write(by=self.caller, ticket_id=ticket_id, body=message, now=timezone.now())
        return JSONResponse({"id": ticket.number if ticket else NEW, "status": "ACTIVE"})


class WriteToWindow(WindowView):
    """Write in the chat window."""

    input_class = WindowInput

    @extend_schema(responses=ReceivedSerializer)
    def post(self, request: Request) -> JSONResponse:
        """Send a message to the shop from the chat window.

        The response confirms it. Staff answer in the ticket, and the customer gets a notification.
        """
        ticket = window.write(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(_received(ticket))


class EscalateWindow(WindowView):
    """Ask for a member of staff in the chat window."""

    input_class = EscalationInput

    @extend_schema(responses=EscalatedSerializer)
    def post(self, request: Request) -> JSONResponse:
        """Raise the priority of the chat window's ticket.

        The reason becomes a message of the ticket.
        """
        ticket = window.escalate(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(
            {"message": f"Ticket {ticket.number} has a high priority now.", "ticket_id": ticket.number}
        )


def _received(ticket: SupportTicket) -> Json:
    return {
        "id": None,
        "conversation_id": ticket.number,
        "content": RECEIVED.format(number=ticket.number),
        "sender_type": "SYSTEM",
        "rag_sources": [],
    }


urlpatterns: list[URLPattern] = [
    route("start", StartWindow.as_view()),
    route("message", WriteToWindow.as_view()),
    route("escalate", EscalateWindow.as_view()),
]
