"""Contract 002: the products that customers can order. The contract does not print this list."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from rest_framework import serializers

from catalogue.models import Part
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.care import CareList
from common.http.fields import Money
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.serializers import Serializer


class ProductSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    part_number = serializers.CharField()
    price = Money(as_number=True, source="unit_price")
    stock = serializers.IntegerField()


class ProductQuery(ListQuery):
    search = serializers.CharField(
        required=False, max_length=200, help_text="In the name or the part number."
    )


class Products(CareList):
    """List products with their current prices, sorted by name."""

    permission_classes = [CustomersOnly]
    query = ProductQuery
    serializer_class = ProductSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Part]:
        rows = Part.objects.order_by("name", "id")
        if "search" in filters:
            text = filters["search"]
            rows = rows.filter(Q(name__icontains=text) | Q(part_number__icontains=text))
        return rows


urlpatterns = [route("products", Products.as_view())]
