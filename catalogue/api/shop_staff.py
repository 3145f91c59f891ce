"""The staff API for the catalogue: parts and services."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from catalogue import actions
from catalogue.models import Part, Service
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.fields import Money
from common.http.filters import SearchFilter, apply, order, query_of
from common.http.responses import JSONResponse
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer


class PartSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=200)
    part_number = serializers.CharField(max_length=60)
    manufacturer = serializers.CharField(max_length=120, allow_blank=True, required=False)
    unit_price = Money(min_value=0)
    taxable = serializers.BooleanField(required=False)
    warranty_months = serializers.IntegerField(min_value=0, max_value=1200, required=False)


class ServiceSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    labor_cost = Money(min_value=0)
    taxable = serializers.BooleanField(required=False)
    warranty_months = serializers.IntegerField(min_value=0, max_value=1200, required=False)


class PartFilter(django_filters.FilterSet):
    search = SearchFilter(
        {"": ("name", "part_number", "manufacturer")},
        help_text="In the name, the part number or the manufacturer.",
    )
    taxable = django_filters.BooleanFilter()

    class Meta:
        model = Part
        fields: list[str] = []


class ServiceFilter(django_filters.FilterSet):
    search = SearchFilter({"": ("name", "description")}, help_text="In the name or the description.")
    taxable = django_filters.BooleanFilter()

    class Meta:
        model = Service
        fields: list[str] = []


class _ArticleViewSet(StaffViewSet):
    model: ClassVar[type[Part] | type[Service]]

    def create(self, request: Request) -> JSONResponse:
        return self.show(actions.save_article(self.model(), **self.read_body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        actions.save_article(self.row(id), **self.read_body(partial=True))
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove an article that was never sold."""
        actions.remove_article(self.row(id))
        return JSONResponse(status=204)


class StaffParts(_ArticleViewSet):
    """List the parts of the catalogue."""

    ORDERING = {"name": ("name",), "price": ("unit_price",), "number": ("part_number",)}
    resource = "parts"
    model = Part
    serializer_class = PartSerializer
    query = query_of(PartFilter, ORDERING)
    inputs = {"create": PartSerializer, "partial_update": PartSerializer}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Part]:
        return order(apply(Part.objects.all(), PartFilter, filters), StaffParts.ORDERING, filters, "name")


class StaffServices(_ArticleViewSet):
    """List the services of the catalogue."""

    ORDERING = {"name": ("name",), "price": ("labor_cost",)}
    resource = "services"
    model = Service
    serializer_class = ServiceSerializer
    query = query_of(ServiceFilter, ORDERING)
    inputs = {"create": ServiceSerializer, "partial_update": ServiceSerializer}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Service]:
        return order(
            apply(Service.objects.all(), ServiceFilter, filters), StaffServices.ORDERING, filters, "name"
        )


urlpatterns = [*StaffParts.routes(), *StaffServices.routes()]
