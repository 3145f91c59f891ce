"""The staff API for the search of the desk."""

from __future__ import annotations

from django.urls import URLPattern
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.http.bodies import JSONResponse
from common.http.fields import Instant, Money
from common.http.permissions import role_permissions
from common.http.query import Query
from common.http.views import serialize
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.models import Customer
from desk.search.find import MOST, PERMISSIONS, find
from desk.search.text import LONGEST
from orders.models import OrderStatus
from repair_orders.models import RepairOrderStatus

_COUNT = f"How many there are, at most {MOST:,}."


class SearchQuery(Query):
    q = serializers.CharField(
        max_length=LONGEST,
        help_text="Up to six words in any order: a name, phone, email, plate, VIN or unit, or a number of an order.",
    )
    limit = serializers.IntegerField(default=10, min_value=1, max_value=50, help_text="Rows of each kind.")


class FoundVehicleSerializer(Serializer):
    id = serializers.IntegerField()
    year = serializers.IntegerField()
    make = serializers.CharField()
    model = serializers.CharField()
    vin = serializers.CharField(allow_blank=True)
    license_plate = serializers.CharField(allow_blank=True)
    unit_number = serializers.CharField(allow_blank=True)
    archived_at = Instant(allow_null=True)


class FoundPersonSerializer(Serializer):
    id = serializers.IntegerField(source="customer.pk")
    name = serializers.CharField(source="customer.name")
    email = serializers.CharField(source="customer.contact.email", allow_null=True, default=None)
    phone = serializers.CharField(source="customer.contact.phone", allow_blank=True, default="")
    vehicles = FoundVehicleSerializer(many=True, help_text="The first five in use, those that match first.")
    more_vehicles = serializers.IntegerField(help_text="Number of further vehicles.")


class FoundOpenOrderSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=RepairOrderStatus.choices)


class FoundCarSerializer(Serializer):
    vehicle = FoundVehicleSerializer()
    customer_id = serializers.IntegerField(source="vehicle.customer.pk")
    customer_name = serializers.CharField(source="vehicle.customer.name")
    open_repair_orders = FoundOpenOrderSerializer(
        many=True, source="orders", help_text="Repair orders of the vehicle that are not finished."
    )


class FoundOrderSerializer(FoundOpenOrderSerializer):
    customer_id = serializers.IntegerField()
    customer_name = serializers.CharField(source="customer.name")
    vehicle_id = serializers.IntegerField()
    vehicle = serializers.CharField(help_text="Year, make and model of the vehicle.")


class FoundInvoiceSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField()
    customer_id = serializers.IntegerField(source="bill_to_id", help_text="Who is billed.")
    customer_name = serializers.CharField(source="bill_to.name")
    issued_at = Instant()
    due_on = serializers.DateField()
    total = Money()
    balance = Money()


class FoundPartsOrderSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    customer_id = serializers.IntegerField()
    customer_name = serializers.CharField(source="customer.name")


class PeopleSerializer(Serializer):
    count = serializers.IntegerField(help_text=_COUNT)
    results = FoundPersonSerializer(many=True, source="rows")


class CarsSerializer(Serializer):
    count = serializers.IntegerField(help_text=_COUNT)
    results = FoundCarSerializer(many=True, source="rows")


class OrdersSerializer(Serializer):
    count = serializers.IntegerField(help_text=_COUNT)
    results = FoundOrderSerializer(many=True, source="rows")


class InvoicesSerializer(Serializer):
    count = serializers.IntegerField(help_text=_COUNT)
    results = FoundInvoiceSerializer(many=True, source="rows")


class PartsOrdersSerializer(Serializer):
    count = serializers.IntegerField(help_text=_COUNT)
    results = FoundPartsOrderSerializer(many=True, source="rows")


class FoundSerializer(Serializer):
    """A kind that the role may not view is null."""

    customers = PeopleSerializer(
        allow_null=True, help_text="Customers that match. Null if the role may not see them."
    )
    vehicles = CarsSerializer(
        allow_null=True, help_text="Vehicles that match. Null if the role may not see them."
    )
    repair_orders = OrdersSerializer(
        allow_null=True, help_text="Repair orders that match. Null if the role may not see them."
    )
    invoices = InvoicesSerializer(
        allow_null=True, help_text="Invoices that match. Null if the role may not see them."
    )
    parts_orders = PartsOrdersSerializer(
        allow_null=True, help_text="Parts orders that match. Null if the role may not see them."
    )


class StaffSearch(StaffViewSet):
    """One search over people, vehicles, orders and papers."""

    resource = "search"
    model = Customer
    serializer_class = FoundSerializer
    matched = ""  # no row
    lists = ()
    permissions = {"find": PERMISSIONS["customers"]}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="find")]

    @extend_schema(responses=FoundSerializer, parameters=[SearchQuery])
    def find(self, request: Request) -> JSONResponse:
        """Search customers, vehicles, orders and invoices.

        Exact matches come first. Case, accents, spaces and separators do not matter.
        """
        query = SearchQuery.read(request.query_params)
        permitted = role_permissions()[self.caller.role]
        found = find(query["q"], has_perm=permitted.__contains__, limit=query["limit"])
        return JSONResponse(serialize(FoundSerializer, found))


urlpatterns = StaffSearch.routes()
