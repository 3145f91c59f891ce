"""The staff API: webhooks, what is sent to them, and sending it again (docs/webhooks.md)."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import django_filters
import orjson
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant
from common.http.filters import ChoiceListFilter, apply, order, query_of
from common.http.query import Query
from common.http.viewsets import UNSAFE, StaffViewSet
from common.reads.serializers import Derived, Serializer
from integrations.webhooks import actions, choices
from integrations.webhooks.addresses import LookedUpUrl, look_up
from integrations.webhooks.models import LONGEST_URL, Delivery, DeliveryState, Disabled, Webhook
from integrations.webhooks.queue import format_message_id

ORDERING = {"id": ()}
_LARGEST = 2**63 - 1
_ONCE = "signs what is sent. It is in this response alone. Null in a replay under an Idempotency-Key."


class WebhookSerializer(Serializer):
    id = serializers.IntegerField()
    url = serializers.CharField(help_text="Where events are sent.")
    description = serializers.CharField(allow_blank=True)
    types = serializers.ListField(
        child=serializers.CharField(),
        help_text="Types of events, or beginnings with `.*`, such as `billing.*`. Empty for all.",
    )
    is_active = Derived(
        lambda disabled_at: disabled_at is None,
        "disabled_at",
        output=serializers.BooleanField(help_text="Whether events are sent."),
    )
    disabled_at = Instant(allow_null=True, help_text="Null while it is active.")
    disabled_because = serializers.ChoiceField(
        choices=Disabled.choices, allow_blank=True, help_text="Empty while it is active."
    )
    failing_since = Instant(
        allow_null=True, help_text="The first failure since an event was accepted. Null if none failed."
    )
    last_delivered_at = Instant(
        allow_null=True, help_text="When the receiver last accepted an event. Null if it never did."
    )
    former_secret_until = Instant(
        allow_null=True,
        help_text="Until then the secret before the last rotation signs as well. Null without one.",
    )
    created_at = Instant()
    created_by_id = serializers.IntegerField(
        allow_null=True, help_text="The user who added it, who is mailed when it is disabled."
    )


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(allow_null=True, help_text=f"The secret that {_ONCE}")


class ReplayedWebhookSerializer(WebhookSerializer):
    replayed = serializers.IntegerField(help_text="The number of events that are sent again.")


class WebhookInput(Serializer):
    url = serializers.CharField(
        max_length=LONGEST_URL, help_text="It begins with https:// and leads to a public address."
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    types = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        max_length=choices.MOST,
        help_text="Types of events, or beginnings with `.*`. Empty for all.",
    )


class WebhookChange(WebhookInput):
    url = serializers.CharField(max_length=LONGEST_URL, required=False)
    is_active = serializers.BooleanField(
        required=False, help_text="A webhook that is enabled goes on where it stopped."
    )


class SpanInput(Serializer):
    after = serializers.IntegerField(
        min_value=0, max_value=_LARGEST, help_text="The id of the event before the first one. 0 for all."
    )
    until = serializers.IntegerField(
        min_value=1, max_value=_LARGEST, help_text="The id of the last event, or of one before the next."
    )


class WebhookFilter(django_filters.FilterSet):
    active = django_filters.BooleanFilter("disabled_at", "isnull", help_text="Whether they are active.")

    class Meta:
        model = Webhook
        fields: list[str] = []


class StaffWebhooks(StaffViewSet):
    """List the webhooks, newest first."""

    resource = "webhooks"
    model = Webhook
    serializer_class = WebhookSerializer
    query = query_of(WebhookFilter, ORDERING)
    inputs = {"create": WebhookInput, "partial_update": WebhookChange, "replay": SpanInput}
    verbs = ("test", "replay")
    permissions = actions.PERMISSIONS
    people_methods = UNSAFE  # a URL that a stolen key added would get events after the key was revoked
    stamps = frozenset({"failing_since", "last_delivered_at"})

    _addresses: tuple[str, ...] = ()  # of the URL in the body

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [*super().routes(), cls.address("<id:id>/rotate-secret/", post="rotate_secret")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Webhook]:
        rows = apply(Webhook.objects.visible_to(caller), WebhookFilter, filters)
        return order(rows, ORDERING, filters, "-id")

    def initial(self, request: Request, *args: object, **kwargs: int) -> None:  # type: ignore[override]
        """Look the URL's host up before a transaction begins, that of an Idempotency-Key or an If-Match."""
        super().initial(request, *args, **kwargs)
        if self.action in ("create", "partial_update"):
            if "id" in kwargs:
                self.row(kwargs["id"])  # a missing row is a 404 before the body is read
            if url := cast("Json", request.data).get("url"):
                self._addresses = look_up(str(url).strip()).addresses

    def read_body(self, *, partial: bool = False) -> Json:
        body = super().read_body(partial=partial)
        if "url" in body:
            body["url"] = LookedUpUrl(body["url"], self._addresses)
        return body

    @extend_schema(responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> JSONResponse:
        """Add a webhook.

        It gets the events from now on. The secret, which verifies them, is in this response alone.
        """
        row = actions.add_webhook(by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.answer_row(self.body_of(row.pk), 201, {"secret": row.secret})

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Change a webhook, disable or enable it."""
        actions.change_webhook(webhook=self.row(id), now=timezone.now(), **self.read_body(partial=True))
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Delete a webhook and its deliveries."""
        actions.remove_webhook(webhook=self.row(id), now=timezone.now())
        return JSONResponse(status=204)

    def test(self, request: Request, id: int) -> JSONResponse:
        """Send a test event to a webhook, whatever types it chose.

        Its deliveries show what came of it a moment later.
        """
        actions.send_test(webhook=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    @extend_schema(responses=ReplayedWebhookSerializer)
    def replay(self, request: Request, id: int) -> JSONResponse:
        """Send the events of a span again.

        They are those of the webhook's types, also of before it was added. Events that are deleted are left out.
        """
        count = actions.replay_span(webhook=self.row(id), now=timezone.now(), **self.read_body())
        return JSONResponse({**self.body_of(id), "replayed": count})

    @extend_schema(responses=NewWebhookSerializer)
    def rotate_secret(self, request: Request, id: int) -> JSONResponse:
        """Make a new secret for a webhook.

        For 24 hours each message has a signature by the new secret and one by the former.
        """
        row = actions.rotate_secret(webhook=self.row(id), now=timezone.now())
        return JSONResponse({**self.body_of(id), "secret": row.secret})

    def stored_answer(self, answer: bytes) -> bytes:
        """Return the answer for replays, without the secret."""
        is_secret = self.action in ("create", "rotate_secret")
        return orjson.dumps({**orjson.loads(answer), "secret": None}) if is_secret else answer


# --- Deliveries -------------------------------------------------------------------------------------------


def _due_at(state: str, due_at: Any) -> Any:
    return due_at if state == DeliveryState.WAITING else None


def _message_id(uuid: UUID) -> str:
    return format_message_id(uuid)


class AttemptSerializer(Serializer):
    at = Instant()
    status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of the response. Null without a response."
    )
    error = serializers.CharField(allow_blank=True, help_text="Why it failed. Empty if it was accepted.")
    milliseconds = serializers.IntegerField(help_text="What it took.")


class DeliverySerializer(Serializer):
    id = serializers.IntegerField()
    webhook_id = serializers.IntegerField(help_text="The webhook that it is sent to.")
    event_id = serializers.IntegerField(help_text="The event that is sent.")
    type = serializers.CharField(help_text="Of the event.")
    subject = serializers.CharField(help_text="Of the event.")
    message_id = Derived(
        _message_id,
        "uuid",
        output=serializers.CharField(help_text="The `webhook-id` of each attempt and replay."),
    )
    state = serializers.ChoiceField(
        choices=DeliveryState.choices, help_text="`failed` if it was given up after three days."
    )
    created_at = Instant()
    due_at = Derived(
        _due_at,
        "state",
        "due_at",
        output=Instant(allow_null=True, help_text="When it is sent next. Null unless it waits."),
    )
    ended_at = Instant(allow_null=True, help_text="When it was accepted or given up. Null while it waits.")
    attempts = AttemptSerializer(many=True, help_text="What came of each attempt, the first one first.")


class DeliveryFilter(django_filters.FilterSet):
    state = ChoiceListFilter(choices=DeliveryState.choices, lookup_expr="in")

    class Meta:
        model = Delivery
        fields: list[str] = []


class _WebhookQuery(Query):
    id = Id()


class StaffDeliveries(StaffViewSet):
    """What is sent to one webhook."""

    resource = "webhooks"
    model = Delivery
    matched = "delivery_id"
    serializer_class = DeliverySerializer
    query = query_of(DeliveryFilter, ORDERING)
    path_query = _WebhookQuery
    lists = ("deliveries",)
    permissions = actions.PERMISSIONS
    people_methods = UNSAFE

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/deliveries/", get="deliveries"),
            cls.address("deliveries/<id:delivery_id>/replay/", post="replay_delivery"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Delivery]:
        rows = apply(Delivery.objects.visible_to(caller), DeliveryFilter, filters)
        if "id" in filters:
            rows = rows.filter(webhook=filters["id"])
        return order(rows, ORDERING, filters, "-id")

    def validate_parent(self, filters: Values) -> None:
        self.one_of(Webhook, filters["id"])

    def deliveries(self, request: Request, id: int) -> HttpResponseBase:
        """List what is sent to a webhook, with the attempts, newest first."""
        return self.list_response(request)

    def replay_delivery(self, request: Request, delivery_id: int) -> JSONResponse:
        """Send a delivery again, or now if it waits."""
        actions.replay(delivery=self.row(delivery_id), now=timezone.now())
        return self.show(delivery_id)


urlpatterns = StaffWebhooks.routes() + StaffDeliveries.routes()
