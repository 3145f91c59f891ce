"""Contract 003, "Chat": threads and their messages over REST, for customers and for the staff who answer them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from chat import actions, tickets
from chat.attachments import urls
from chat.events import CUSTOMER, SUPPORT, spell_sender
from chat.models import ENDED, Message, Thread, ThreadStatus
from chat.querysets import MessageFilters, ThreadFilters
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import ChoiceList, Instant, PublicId
from common.http.permissions import CustomersOrPermittedStaff
from common.http.query import ListQuery, Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import route
from common.http.views import serialize
from common.reads.fields import Derived
from common.reads.read import Read
from common.reads.serializers import Serializer

OPEN, CLOSED = "open", "closed"
# The contract knows two states.
STATES: dict[str, list[str]] = {
    OPEN: [ThreadStatus.OPEN, ThreadStatus.IN_PROGRESS],
    CLOSED: list(ENDED),
}
_LONGEST = 10_000
_MOST_ATTACHMENTS = 10


def spell_status(status: str) -> str:
    return CLOSED if status in ENDED else OPEN


class MessageSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    threadId = serializers.UUIDField(source="thread.uuid")
    sender = Derived(spell_sender, "is_support", output=serializers.ChoiceField(choices=[CUSTOMER, SUPPORT]))
    body = serializers.CharField(allow_blank=True)
    attachments = Derived(
        urls, "attachments", output=serializers.ListField(child=serializers.CharField(), help_text="URLs.")
    )
    createdAt = Instant(source="created_at")


class ThreadSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    userId = serializers.UUIDField(source="customer.contact.uuid", allow_null=True)
    subject = serializers.CharField()
    status = Derived(spell_status, "status", output=serializers.ChoiceField(choices=list(STATES)))
    lastMessage = MessageSerializer(source="last_message", allow_null=True)
    createdAt = Instant(source="created_at")
    updatedAt = Instant(source="updated_at")


class ThreadQuery(ListQuery):
    status = ChoiceList(list(STATES), help_text="Comma-separated.")

    def validate_status(self, words: list[str]) -> list[str]:
        """The contract's words as the states they stand for."""
        return [state for word in words for state in STATES[word]]


class MessageQuery(ListQuery):
    since = Instant(required=False, help_text="Messages later than this instant, exactly.")


class OfThread(Query):
    """The address names a thread."""

    thread = PublicId()


class NewThreadInput(Serializer):
    subject = serializers.CharField(max_length=200)
    initialMessage = serializers.CharField(
        source="message", required=False, allow_blank=True, max_length=_LONGEST, default=""
    )


class ThreadInput(Serializer):
    status = serializers.ChoiceField(choices=list(STATES), required=False, help_text="Left out, it stays.")


class MessageInput(Serializer):
    """A message says something, or something is attached to it."""

    body = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=_LONGEST)
    attachments = serializers.ListField(
        source="uploads",
        child=PublicId(),
        required=False,
        max_length=_MOST_ATTACHMENTS,
        help_text="Ids of one's own uploads.",
    )
    clientId = serializers.CharField(
        source="client_id",
        required=False,
        max_length=100,
        help_text="The app's own name for it: the same one of the same sender is stored once.",
    )

    def validate(self, attrs: Json) -> Json:
        if not attrs["body"].strip() and not attrs.get("uploads"):
            raise serializers.ValidationError({"body": ["This field may not be blank."]})
        return attrs


class Ticket(Serializer):
    ticket = serializers.CharField(help_text="For `/chat/ws?ticket=…`, once.")
    expiresIn = serializers.IntegerField(help_text="Seconds.")


class Threads(MemberList):
    """Chat threads, those with news first: a customer's own, for staff everybody's."""

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"]}
    input_class = NewThreadInput
    query = ThreadQuery
    serializer_class = ThreadSerializer

    @staticmethod
    def rows(caller: Caller, filters: ThreadFilters) -> QuerySet[Thread]:
        return Thread.objects.visible_to(caller).matching(filters).order_by("-updated_at", "-id")

    @extend_schema(responses={201: ThreadSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Start a thread, with its first message if there is one."""
        thread = actions.start_thread(by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(serialize(ThreadSerializer, thread), status=201)


class OneThread(MemberView):
    """One chat thread."""

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"], "PATCH": actions.PERMISSIONS["end"]}
    input_class = ThreadInput
    read = Read(Threads.rows, ThreadSerializer, params_of(OfThread))

    @extend_schema(responses=ThreadSerializer)
    def get(self, request: Request, thread: UUID | None) -> JSONResponse:
        return self.show(thread)

    @extend_schema(responses=ThreadSerializer)
    def patch(self, request: Request, thread: UUID | None) -> JSONResponse:
        """Close a thread, or open it again; a customer's next message opens it, too."""
        if (to := self.read_body().get("status")) and thread:
            actions.settle_status(thread=thread, to=to, by=self.caller, now=timezone.now())
        return self.show(thread)

    def show(self, thread: UUID | None) -> JSONResponse:
        return JSONResponse(self.read.one(self.caller, {"thread": thread}, actions.ThreadNotFound))


class _KeySerializer(Serializer):
    id = serializers.IntegerField()


class Messages(MemberList):
    """The messages of a thread, oldest first. `since` misses nothing and repeats nothing."""

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": actions.PERMISSIONS["read"], "POST": actions.PERMISSIONS["post"]}
    input_class = MessageInput
    query = MessageQuery
    path_query = OfThread
    serializer_class = MessageSerializer
    read_key = Read(Threads.rows, _KeySerializer, params_of(OfThread))

    @staticmethod
    def rows(caller: Caller, filters: MessageFilters) -> QuerySet[Message]:
        """The shop's internal notes are for its own pages: here nobody sees them."""
        return Message.objects.visible_to(caller).public().matching(filters).order_by("number", "id")

    def validate_parent(self, filters: Values) -> None:
        self.read_key.one(self.caller, {"thread": filters["thread"]}, actions.ThreadNotFound)

    @extend_schema(responses={201: MessageSerializer, 200: MessageSerializer})
    def post(self, request: Request, thread: UUID | None) -> JSONResponse:
        """Send a message. 200 where the same `clientId` has sent it before."""
        if thread is None:
            raise actions.ThreadNotFound
        posted = actions.post_message(thread=thread, by=self.caller, now=timezone.now(), **self.read_body())
        return JSONResponse(
            serialize(MessageSerializer, posted.message), status=201 if posted.is_new else 200
        )


class ChatTicket(MemberView):
    """A ticket that opens the chat socket, once, within half a minute: no token has to stand in its address."""

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"POST": actions.PERMISSIONS["read"]}

    @extend_schema(request=None, responses={201: Ticket})
    def post(self, request: Request) -> JSONResponse:
        ticket = tickets.issue(caller=self.caller)
        return JSONResponse({"ticket": ticket, "expiresIn": tickets.LIFETIME_SECONDS}, status=201)


urlpatterns = [
    route("chat/threads/", Threads.as_view()),
    route("chat/threads/<public_id:thread>/", OneThread.as_view()),
    route("chat/threads/<public_id:thread>/messages/", Messages.as_view()),
    route("chat/ticket/", ChatTicket.as_view()),
]
