"""The staff API for the exemption certificates of a customer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id
from common.http.query import Query
from common.http.routing import route
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.actions import CustomerIsMerged
from customers.models import Customer
from customers.queries import find_kept
from repair_orders.pricing import actions
from repair_orders.pricing.models import TaxExemption


class TaxExemptionSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField()
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True)
    location_id = serializers.IntegerField(allow_null=True)


class TaxExemptionInput(Serializer):
    number = serializers.CharField(max_length=60, required=False, help_text="The number on the certificate.")
    valid_from = Day(required=False, help_text="First day at the location, inclusive.")
    valid_until = Day(required=False, allow_null=True, help_text="Last day, inclusive. Null: without an end.")
    location_id = Id(required=False, allow_null=True, help_text="Null: at all locations.")


class NewTaxExemptionInput(TaxExemptionInput):
    number = serializers.CharField(max_length=60, help_text="The number on the certificate.")
    valid_from = Day(help_text="First day at the location, inclusive.")


class _OfCustomer(Query):
    id = Id()


class StaffTaxExemptions(StaffViewSet):
    """List the exemption certificates of a customer, newest first."""

    resource = "tax-exemptions"  # below a customer
    model = TaxExemption
    serializer_class = TaxExemptionSerializer
    path_query = _OfCustomer
    matched = "exemption_id"
    inputs = {"create": NewTaxExemptionInput, "partial_update": TaxExemptionInput}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        of_customer: Json = {"get": "list", "post": "create"}
        one: Json = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        return [
            route(f"customers/<id:id>/{cls.resource}/", cls.as_view(of_customer)),
            route(f"customers/<id:id>/{cls.resource}/<id:exemption_id>/", cls.as_view(one)),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[TaxExemption]:
        rows = TaxExemption.objects.visible_to(caller)
        if "id" in filters:
            rows = rows.filter(customer_id=filters["id"])
        return rows.order_by("-valid_from", "-id")

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
        """Record an exemption certificate."""
        exemption = actions.save_exemption(TaxExemption(), customer=self.row(id), **self._body())
        return self.show(exemption.pk, status=201)

    def retrieve(  # type: ignore[override]  # id: the customer
        self, request: Request, id: int, exemption_id: int
    ) -> JSONResponse:
        """Retrieve an exemption certificate."""
        return self.show(self._exemption(id, exemption_id).pk)

    def partial_update(self, request: Request, id: int, exemption_id: int) -> JSONResponse:
        """Update an exemption certificate.

        Orders keep what they took from it.
        """
        actions.save_exemption(self._exemption(id, exemption_id), **self._body())
        return self.show(exemption_id)

    def destroy(self, request: Request, id: int, exemption_id: int) -> JSONResponse:
        """Remove an exemption certificate."""
        actions.remove_rule(self._exemption(id, exemption_id))
        return JSONResponse(status=204)

    def _exemption(self, id: int, exemption_id: int) -> TaxExemption:
        rows = self.visible_rows(TaxExemption)
        found = rows.filter(customer=self.row(id), pk=exemption_id).first()
        if found is None:
            raise Missing("Tax exemption not found.")
        return found

    def _body(self) -> Json:
        body = self.read_body()
        if body.get("location_id") is not None:
            self.one_of(Location, body["location_id"], field="location_id")
        return body


urlpatterns = StaffTaxExemptions.routes()
