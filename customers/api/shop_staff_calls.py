"""The staff API for calls to a customer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Instant
from common.http.query import Query
from common.http.routing import route
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.actions import CustomerIsMerged
from customers.calls.actions import PERMISSIONS, note_call
from customers.calls.models import PhoneCall
from customers.models import Customer
from customers.queries import find_kept


class PhoneCallSerializer(Serializer):
    id = serializers.IntegerField()
    at = Instant()
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The user who called.")
    outcome = serializers.CharField(help_text="What came of it.")
    next_on = serializers.DateField(allow_null=True, help_text="The day of the next call.")


class PhoneCallInput(Serializer):
    outcome = serializers.CharField(max_length=500, help_text="What came of it.")
    next_on = Day(required=False, allow_null=True, help_text="The day of the next call, today or later.")


class _OfCustomer(Query):
    id = Id()


class StaffPhoneCalls(StaffViewSet):
    """List the calls to a customer, newest first."""

    resource = "phone-calls"  # below a customer
    model = PhoneCall
    matched = ""  # a call never changes
    serializer_class = PhoneCallSerializer
    path_query = _OfCustomer
    inputs = {"create": PhoneCallInput}
    permissions = {"create": PERMISSIONS["note_call"]}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        both: Json = {"get": "list", "post": "create"}
        return [route(f"customers/<id:id>/{cls.resource}/", cls.as_view(both))]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[PhoneCall]:
        rows = PhoneCall.objects.visible_to(caller)
        if "id" in filters:
            rows = rows.filter(customer_id=filters["id"])
        return rows.newest_first()

    def validate_parent(self, filters: Values) -> None:
        self.row(filters["id"])

    def row(self, id: int) -> Any:
        """Return the customer of the URL. Raises CustomerIsMerged, Missing."""
        if self._row is None:
            kept = find_kept(pk=id)
            if kept is not None:
                raise CustomerIsMerged(id, kept.pk)
            self._row = self.one_of(Customer, id)
        return self._row

    def list(self, request: Request, id: int) -> HttpResponseBase:  # type: ignore[override]  # id: the customer
        return self.list_response(request)

    def create(self, request: Request, id: int) -> JSONResponse:
        """Record a call to a customer."""
        call = note_call(
            customer=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(call.pk, status=201)


urlpatterns = StaffPhoneCalls.routes()
