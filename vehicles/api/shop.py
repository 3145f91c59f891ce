"""Contract 000, "Customer Vehicles Endpoint", and the vehicle inside other resources."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.shop import ShopCustomerList
from common.http.routing import route
from common.reads.serializers import Serializer
from customers.api.shop import address_of, contact_text, name_of
from vehicles.models import Vehicle


class VehicleBriefSerializer(Serializer):
    """The vehicle inside an appointment or a repair order."""

    id = serializers.IntegerField()
    make = serializers.CharField()
    model = serializers.CharField()
    year = serializers.IntegerField()
    license_plate = serializers.CharField(allow_blank=True)
    vin = serializers.CharField(allow_blank=True)
    color = serializers.CharField(allow_blank=True)


class OwnerSerializer(Serializer):
    id = serializers.IntegerField()
    name = name_of("")
    phone_number = contact_text("contact.phone")
    email = contact_text("contact.email")
    address = address_of("")
    user = serializers.IntegerField(source="contact_id", allow_null=True)


class VehicleSerializer(Serializer):
    id = serializers.IntegerField()
    customer = OwnerSerializer()
    customer_name = name_of("customer.")
    make = serializers.CharField()
    model = serializers.CharField()
    year = serializers.IntegerField()
    vin = serializers.CharField(allow_blank=True)
    license_plate = serializers.CharField(allow_blank=True)
    color = serializers.CharField(allow_blank=True)
    customer_email = contact_text("customer.contact.email")
    customer_phone = contact_text("customer.contact.phone")


class CustomerVehicles(ShopCustomerList):
    """List the signed-in customer's vehicles.

    Archived vehicles are left out.
    """

    serializer_class = VehicleSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
        return Vehicle.objects.visible_to(caller).in_use().order_by("id")


urlpatterns = [route("vehicles/customers/me/vehicles/", CustomerVehicles.as_view())]
