"""The staff API: the feed of events (docs/events.md)."""

from __future__ import annotations

from django.urls import URLPattern
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.models import Event
from common.http.bodies import JSONResponse
from common.http.contracts.shop import StaffError
from common.http.fields import Instant, TextList
from common.http.query import Query
from common.http.views import serialize
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from integrations.queries import EventsGone, read_events
from integrations.types import TYPES

LIMIT, MOST = 100, 1000
_ROOMS = sorted({f"{name.partition('.')[0]}.*" for name in TYPES})


class EventTypes(TextList):
    """A comma-separated query value of types of events, or their beginnings with `.*`. Validated to the types."""

    def to_internal_value(self, data: str) -> list[str]:  # type: ignore[override]  # the types in it
        words = super().to_internal_value(data)
        if not words:
            raise serializers.ValidationError(f"Name at least one of {', '.join(_ROOMS)}.", code="empty")
        return sorted({name for word in words for name in self._named(word)})

    def _named(self, word: str) -> list[str]:
        found = [
            name for name in TYPES if name == word or (word.endswith(".*") and name.startswith(word[:-1]))
        ]
        if not found:
            room = word.partition(".")[0] + "."
            known = [name for name in TYPES if name.startswith(room)] or _ROOMS
            raise serializers.ValidationError(
                f'"{word}" is not a type of events. Known are {", ".join(known)}.', code="invalid_choice"
            )
        return found


class EventsQuery(Query):
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**63 - 1,
        help_text="The `next` of the last answer. Without it, or with 0, the events begin with the oldest.",
    )
    types = EventTypes(
        required=False,
        help_text="Comma-separated types, or beginnings of types with `.*`, as in "
        "`billing.invoice.issued,orders.*`. Without it all types.",
    )
    limit = serializers.IntegerField(
        default=LIMIT,
        min_value=0,
        max_value=MOST,
        help_text="Events of an answer. 0 answers with the place after the newest event.",
    )


class EventSerializer(Serializer):
    id = serializers.IntegerField()
    type = serializers.CharField(help_text="One of docs/events.md.")
    subject = serializers.CharField(help_text="The row that changed, as `<type without its last word>:<id>`.")
    at = Instant()
    payload = serializers.DictField(
        help_text="Ids, states and amounts. docs/events.md lists the keys of each type."
    )


class EventPageSerializer(Serializer):
    results = EventSerializer(many=True)
    next = serializers.IntegerField(
        allow_null=True, help_text="Send it as `after` to go on. Null if there is no event yet."
    )


_GONE = OpenApiResponse(
    StaffError,
    description="Events that followed `after` are deleted.",
    examples=[
        OpenApiExample(
            EventsGone.title,
            {"error": EventsGone.title, "detail": EventsGone().text, "code": EventsGone.code},
        )
    ],
)


class StaffEvents(StaffViewSet):
    """What happened, in order."""

    resource = "events"
    model = Event
    serializer_class = EventSerializer
    lists = ()
    permissions = {"feed": "common.view_event"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="feed")]

    @extend_schema(responses={200: EventPageSerializer, 410: _GONE}, parameters=[EventsQuery])
    def feed(self, request: Request) -> JSONResponse:
        """List what happened, in order.

        No event is left out or repeated, however many requests write at once. Fewer than `limit` events mean that there
        are no more for now. An `after` that is older than events are kept is 410.
        """
        query = EventsQuery.read(request.query_params)
        events, place = read_events(after=query.get("after"), types=query.get("types"), limit=query["limit"])
        return JSONResponse(serialize(EventPageSerializer, {"results": events, "next": place}))


urlpatterns = StaffEvents.routes()
