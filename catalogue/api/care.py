"""Contract 002: the products that customers can order. The contract does not print this list."""

from __future__ import annotations

from operator import sub

from django.db.models import QuerySet
from rest_framework import serializers

from catalogue.models import Part
from common.domain.caller import Caller
from common.domain.search import Searched, fits
from common.domain.types import Json
from common.http.contracts.care import CareList
from common.http.fields import Money
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.bindings import bind_search
from common.reads.serializers import Derived, Serializer


class ProductSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    part_number = serializers.CharField()
    price = Money(as_number=True, source="unit_price")
    # Unpaid orders and repair orders hold pieces, which are not for sale.
    stock = Derived(
        sub, "stock", "reserved", output=serializers.IntegerField(help_text="Pieces that can be ordered.")
    )


# Customers are not shown the manufacturer. The catalogue is small and needs no index.
_SEARCHED = Searched("name", codes=("part_number",))


class ProductQuery(ListQuery):
    search = serializers.CharField(
        required=False, max_length=200, help_text="Words to find in the name or the part number."
    )


class Products(CareList):
    """List products with their current prices, sorted by name."""

    permission_classes = [CustomersOnly]
    query = ProductQuery
    serializer_class = ProductSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Part]:
        rows = Part.objects.filter(is_listed=True, is_sold_online=True).order_by("name", "id")
        if "search" in filters:
            rows = rows.filter(fits(_SEARCHED, bind_search(filters["search"])))
        return rows


urlpatterns = [route("products", Products.as_view())]
