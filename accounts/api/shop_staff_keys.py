"""The staff API for the keys of machines (docs/design, D141)."""

from __future__ import annotations

import django_filters
import orjson
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.keys import actions
from accounts.keys.models import KEY_ROLES, ApiKey
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Instant
from common.http.filters import apply, order, query_of
from common.http.viewsets import UNSAFE, StaffViewSet
from common.reads.serializers import Serializer

ORDERING = {"id": (), "name": ("name",), "last_used_at": ("last_used_at",)}


class ApiKeySerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="What uses the key, as the history names it.")
    role = serializers.ChoiceField(
        choices=KEY_ROLES, source="user.role", help_text="The role whose permissions it has."
    )
    prefix = serializers.CharField(help_text="The beginning of the key, by which people know it.")
    addresses = serializers.ListField(
        child=serializers.CharField(),
        help_text="The networks from which the key works, such as 192.0.2.0/24. Empty for all.",
    )
    created_at = Instant()
    created_by_id = serializers.IntegerField(
        allow_null=True, help_text="The user who made it. Null for a key made by a command."
    )
    expires_at = Instant(allow_null=True, help_text="From then on it is refused. Null for a key without end.")
    revoked_at = Instant(allow_null=True, help_text="When it was revoked. Null unless it was.")
    last_used_at = Instant(allow_null=True, help_text="Exact to a minute. Null if it was never used.")


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(
        allow_null=True,
        help_text="The key itself, in this response alone. Null in a replay under an Idempotency-Key.",
    )


class ApiKeyInput(Serializer):
    name = serializers.CharField(max_length=80, help_text="What uses the key, as the history names it.")
    role = serializers.ChoiceField(choices=KEY_ROLES, help_text="The role whose permissions it has.")
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=actions.MOST_ADDRESSES,
        help_text="IP addresses and networks from which it works. Empty for all.",
    )
    expires_at = Instant(required=False, allow_null=True, help_text="An instant ahead. Null for no end.")


class ApiKeyFilter(django_filters.FilterSet):
    revoked = django_filters.BooleanFilter(
        "revoked_at", "isnull", exclude=True, help_text="Whether they are revoked."
    )

    class Meta:
        model = ApiKey
        fields: list[str] = []


class StaffApiKeys(StaffViewSet):
    """List the API keys, newest first."""

    resource = "api-keys"
    model = ApiKey
    serializer_class = ApiKeySerializer
    query = query_of(ApiKeyFilter, ORDERING)
    inputs = {"create": ApiKeyInput}
    verbs = ("revoke",)
    permissions = actions.PERMISSIONS
    people_methods = UNSAFE
    stamps = frozenset({"last_used_at"})

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ApiKey]:
        return order(
            apply(ApiKey.objects.visible_to(caller), ApiKeyFilter, filters), ORDERING, filters, "-id"
        )

    @extend_schema(responses={201: NewApiKeySerializer})
    def create(self, request: Request) -> JSONResponse:
        """Make an API key.

        The key is in this response and nowhere else. It is sent as `Authorization: Api-Key <key>`.
        """
        row, key = actions.create_api_key(by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.answer_row(self.body_of(row.pk), 201, {"key": key})

    def stored_answer(self, answer: bytes) -> bytes:
        """Return the answer for replays, without the key, which is stored nowhere."""
        return orjson.dumps({**orjson.loads(answer), "key": None}) if self.action == "create" else answer

    def revoke(self, request: Request, id: int) -> JSONResponse:
        """Revoke an API key. It is refused from now on."""
        actions.revoke(key=self.row(id), now=timezone.now())
        return self.show(id)


urlpatterns = StaffApiKeys.routes()
