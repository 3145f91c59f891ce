"""The staff API: vehicles."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from accounts.querysets import FullName
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.fields import Id, Instant
from common.http.filters import IdFilter, SearchFilter, apply, order, query_of
from common.http.responses import JSONResponse
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.models import Customer
from vehicles import actions
from vehicles.api.shop import VehicleSerializer
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle
from vehicles.vin import validate_vin

ORDERING = {"id": (), "year": ("year",), "created": ("created_at",)}


class VehicleRowSerializer(VehicleSerializer):
    """The vehicle of contract 000 and the fields that only staff see."""

    trim = serializers.CharField(allow_blank=True)
    unit_number = serializers.CharField(allow_blank=True)
    fuel_type = serializers.CharField(allow_blank=True)
    odometer = serializers.DecimalField(max_digits=10, decimal_places=2, help_text="Miles.")
    archived_at = Instant(allow_null=True)


class VehicleInput(Serializer):
    make = serializers.CharField(max_length=60, required=False)
    model = serializers.CharField(max_length=60, required=False)
    trim = serializers.CharField(max_length=60, required=False, allow_blank=True)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False)
    license_plate = serializers.CharField(max_length=20, required=False, allow_blank=True)
    color = serializers.CharField(max_length=30, required=False, allow_blank=True)
    fuel_type = serializers.CharField(max_length=20, required=False, allow_blank=True)
    unit_number = serializers.CharField(max_length=30, required=False, allow_blank=True)
    odometer = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0, required=False)


class NewVehicleInput(VehicleInput):
    customer_id = Id()
    vin = serializers.CharField(validators=[validate_vin])
    make = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=60)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)


def work_search_filter() -> SearchFilter:
    """Return the search filter of appointments and repair orders.

    Their rows have a customer, a vehicle and a description.
    """
    return SearchFilter(
        {
            "": ("description",),
            "vehicle": ("vin", "license_plate", "unit_number"),
            "customer": ("company_name",),
            "customer__contact": (FullName(),),
        },
        help_text="Searches the customer's name, the description, the VIN, the license plate and the unit number.",
    )


class VehicleFilter(django_filters.FilterSet):
    search = SearchFilter(
        {"": ("vin", "license_plate", "unit_number", "make", "model")},
        help_text="Searches the VIN, the license plate, the unit number, the make and the model.",
    )
    customer_id = IdFilter(Customer, "customer_id")
    archived = django_filters.BooleanFilter("archived_at", "isnull", exclude=True)

    class Meta:
        model = Vehicle
        fields: list[str] = []


class StaffVehicles(StaffViewSet):
    """List the vehicles of all customers.

    Archived vehicles are included.
    """

    resource = "vehicles"
    model = Vehicle
    serializer_class = VehicleRowSerializer
    query = query_of(VehicleFilter, ORDERING)
    inputs = {"create": NewVehicleInput, "partial_update": VehicleInput}
    verbs = ("archive",)

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
        return order(
            apply(Vehicle.objects.visible_to(caller), VehicleFilter, filters), ORDERING, filters, "id"
        )

    def create(self, request: Request) -> JSONResponse:
        """Add a vehicle."""
        body = self.read_body()
        customer = self.one_of(Customer, body.pop("customer_id"), field="customer_id")
        return self.show(actions.add_vehicle(customer=customer, **body).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a vehicle."""
        actions.change_vehicle(vehicle=self.row(id), **self.read_body())
        return self.show(id)

    def archive(self, request: Request, id: int) -> JSONResponse:
        """Archive a vehicle.

        Its history stays.
        """
        actions.archive_vehicle(vehicle=self.row(id), now=timezone.now())
        return self.show(id)


urlpatterns = StaffVehicles.routes()
