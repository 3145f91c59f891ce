"""Contract 003, "Chat": threads and messages over REST, for customers and for staff.

The contract's threads are conversations.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from chat import actions
from chat.attachments import attachment_urls
from chat.labels import CUSTOMER, SUPPORT, format_sender
from chat.models import ENDED, Conversation, ConversationStatus, Message
from chat.querysets import ConversationFilters, MessageFilters
from chat.sockets import tokens
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import ChoiceList, Instant, PublicId, Word
from common.http.permissions import CustomersOrPermittedStaff
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer

OPEN, CLOSED = "open", "closed"
# The contract has two states.
STATES: dict[str, list[str]] = {
    OPEN: [ConversationStatus.OPEN, ConversationStatus.IN_PROGRESS],
    CLOSED: list(ENDED),
}
_MAX_LENGTH = 10_000
_MAX_ATTACHMENTS = 10


def format_status(status: str) -> str:
    return CLOSED if status in ENDED else OPEN


class MessageSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    threadId = serializers.UUIDField(source="conversation.uuid")
    sender = Derived(
        format_sender,
        "is_support",
        output=serializers.ChoiceField(choices=[CUSTOMER, SUPPORT], help_text="Side that wrote it."),
    )
    body = serializers.CharField(
        allow_blank=True, help_text="Text of the message. Empty if it has only attachments."
    )
    attachments = Derived(
        attachment_urls,
        "attachments",
        output=serializers.ListField(child=serializers.CharField(), help_text="URLs."),
    )
    createdAt = Instant(source="created_at")


class ThreadSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    userId = serializers.UUIDField(source="customer.contact.uuid", allow_null=True)
    subject = serializers.CharField()
    status = Derived(format_status, "status", output=serializers.ChoiceField(choices=list(STATES)))
    lastMessage = MessageSerializer(
        source="last_message", allow_null=True, help_text="The latest message. Null before the first one."
    )
    createdAt = Instant(source="created_at")
    updatedAt = Instant(source="updated_at")


class ThreadQuery(ListQuery):
    status = ChoiceList(list(STATES), help_text="Comma-separated.")

    def validate_status(self, words: list[str]) -> list[str]:
        """Return the stored states of the contract's."""
        return [state for word in words for state in STATES[word]]


class MessageQuery(ListQuery):
    since = Instant(
        required=False, help_text="Only messages later than this instant, exact to the microsecond."
    )


class ThreadFilters(ConversationFilters, total=False):
    thread: UUID  # from the URL


class ThreadMessageFilters(MessageFilters, total=False):
    thread: UUID  # from the URL


class ThreadPath(Query):
    """The thread in the URL."""

    thread = PublicId()


class NewThreadInput(Serializer):
    subject = serializers.CharField(max_length=200)
    initialMessage = serializers.CharField(
        source="message",
        required=False,
        allow_blank=True,
        max_length=_MAX_LENGTH,
        default="",
        help_text="The first message. It can be left out.",
    )


class ThreadInput(Serializer):
    status = Word(choices=list(STATES), required=False, help_text="The status stays if this is left out.")


class MessageInput(Serializer):
    """A message with a body, attachments or both."""

    body = serializers.CharField(
        allow_blank=True,
        trim_whitespace=False,
        max_length=_MAX_LENGTH,
        help_text="Text of the message. Empty if it has only attachments.",
    )
    attachments = serializers.ListField(
        source="uploads",
        child=PublicId(),
        required=False,
        max_length=_MAX_ATTACHMENTS,
        help_text="Ids of the sender's own uploads.",
    )
    clientId = serializers.CharField(
        source="client_id",
        required=False,
        max_length=100,
        help_text="The app's own id of the message. Stored once per sender and thread.",
    )

    def validate(self, attrs: Json) -> Json:
        if not attrs["body"].strip() and not attrs.get("uploads"):
            raise serializers.ValidationError({"body": ["This field may not be blank."]})
        return attrs


class TicketSerializer(Serializer):
    ticket = serializers.CharField(help_text="For `/chat/ws?ticket=…`, good once.")
    expiresIn = serializers.IntegerField(help_text="Seconds.")


class Threads(MemberList):
    """List chat threads, most recently updated first.

    A customer gets their own threads, staff get all.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"]}
    input_class = NewThreadInput
    query = ThreadQuery
    serializer_class = ThreadSerializer

    @staticmethod
    def rows(caller: Caller, filters: ThreadFilters) -> QuerySet[Conversation]:
        rows = Conversation.objects.visible_to(caller).matching(filters)
        if "thread" in filters:
            rows = rows.filter(uuid=filters["thread"])
        return rows.order_by("-updated_at", "-id")

    @extend_schema(responses={201: ThreadSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Start a chat thread.

        `initialMessage` is optional.
        """
        conversation = actions.start_conversation(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(serialize(ThreadSerializer, conversation), status=201)


class OneThread(MemberView):
    """Retrieve or update a chat thread."""

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"], "PATCH": actions.PERMISSIONS["end"]}
    input_class = ThreadInput
    read = Read(Threads.rows, ThreadSerializer, params_of(ThreadPath))

    @extend_schema(responses=ThreadSerializer)
    def get(self, request: Request, thread: UUID | None) -> JSONResponse:
        """Retrieve a chat thread."""
        return self.show(thread)

    @extend_schema(responses=ThreadSerializer)
    def patch(self, request: Request, thread: UUID | None) -> JSONResponse:
        """Close or reopen a chat thread.

        A customer's next message also reopens it.
        """
        body = self.read_body_of(lambda: self.show(thread))
        if (to := body.get("status")) and thread:
            actions.ensure_status(conversation=thread, to=to, by=self.caller, now=timezone.now())
        return self.show(thread)

    def show(self, thread: UUID | None) -> JSONResponse:
        return JSONResponse(self.read.one(self.caller, {"thread": thread}, actions.ConversationNotFound))


class _KeySerializer(Serializer):
    id = serializers.IntegerField()


class Messages(MemberList):
    """List the messages of a chat thread, oldest first.

    With `since`, the `createdAt` of the last known message, no message is missed or repeated.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"], "POST": actions.PERMISSIONS["post"]}
    input_class = MessageInput
    query = MessageQuery
    path_query = ThreadPath
    serializer_class = MessageSerializer
    read_key = Read(Threads.rows, _KeySerializer, params_of(ThreadPath))

    @staticmethod
    def rows(caller: Caller, filters: ThreadMessageFilters) -> QuerySet[Message]:
        """Return the thread's messages without internal notes, which only the admin shows, staff included."""
        rows = Message.objects.visible_to(caller).public()
        if "thread" in filters:
            rows = rows.filter(conversation__uuid=filters["thread"])
        return rows.matching(filters).order_by("number", "id")

    def validate_parent(self, filters: Values) -> None:
        self.read_key.one(self.caller, {"thread": filters["thread"]}, actions.ConversationNotFound)

    @extend_schema(responses={201: MessageSerializer, 200: MessageSerializer})
    def post(self, request: Request, thread: UUID | None) -> JSONResponse:
        """Send a message.

        The response is 200 if a message of the same sender with this `clientId` is stored already.
        """
        if thread is None:
            raise actions.ConversationNotFound
        body = self.read_body_of(lambda: self.validate_parent({"thread": thread}))
        posted = actions.post_message(conversation=thread, by=self.caller, now=timezone.now(), **body)
        return JSONResponse(
            serialize(MessageSerializer, posted.message), status=201 if posted.is_new else 200
        )


class ChatTicket(MemberView):
    """Issue socket tokens."""

    permission_classes = [CustomersOrPermittedStaff]
    viewer_methods = frozenset({"POST"})  # a socket is for reading too
    staff_permissions = {"POST": actions.PERMISSIONS["read"]}

    @extend_schema(request=None, responses={201: TicketSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Create a ticket for the chat socket.

        It opens `/chat/ws?ticket=…` once within 30 s, so that no access token stands in a URL.
        """
        socket_token = tokens.issue(caller=self.caller)
        return JSONResponse({"ticket": socket_token, "expiresIn": tokens.LIFETIME_SECONDS}, status=201)


urlpatterns = [
    route("chat/threads/", Threads.as_view()),
    route("chat/threads/<public_id:thread>/", OneThread.as_view()),
    route("chat/threads/<public_id:thread>/messages/", Messages.as_view()),
    route("chat/ticket/", ChatTicket.as_view()),
]
