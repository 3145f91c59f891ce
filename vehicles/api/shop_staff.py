"""The staff API: vehicles."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import DecimalNumber, Id, Instant
from common.http.filters import IdFilter, SearchFilter, apply, order, query_of
from common.http.views import serialize
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.api.shop import OwnList, OwnListQuery
from customers.models import Customer
from vehicles import actions
from vehicles import odometer as ledger
from vehicles.api.fields import Vin
from vehicles.api.shop import CustomerVehicles, VehicleSerializer
from vehicles.models import FIRST_YEAR, LAST_YEAR, OdometerSource, Vehicle
from vehicles.queries import get_chain

ORDERING = {"id": (), "year": ("year",), "created": ("created_at",)}


def _miles(**options: Any) -> DecimalNumber:
    return DecimalNumber(max_digits=9, decimal_places=2, help_text="Miles.", **options)


class VehicleRowSerializer(VehicleSerializer):
    """The vehicle of contract 000 and the fields that only staff see."""

    trim = serializers.CharField(allow_blank=True)
    unit_number = serializers.CharField(allow_blank=True)
    fuel_type = serializers.CharField(allow_blank=True)
    odometer = _miles()
    archived_at = Instant(allow_null=True)
    continues = serializers.IntegerField(
        source="continues_id",
        allow_null=True,
        help_text="The archived row of the same vehicle at its previous owner.",
    )


class VehicleInput(Serializer):
    vin = Vin(required=False)
    make = serializers.CharField(max_length=60, required=False)
    model = serializers.CharField(max_length=60, required=False)
    trim = serializers.CharField(max_length=60, required=False, allow_blank=True)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False)
    license_plate = serializers.CharField(max_length=20, required=False, allow_blank=True)
    color = serializers.CharField(max_length=30, required=False, allow_blank=True)
    fuel_type = serializers.CharField(max_length=20, required=False, allow_blank=True)
    unit_number = serializers.CharField(max_length=30, required=False, allow_blank=True)
    odometer = _miles(min_value=0, required=False)


class NewVehicleInput(VehicleInput):
    customer_id = Id()
    make = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=60)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)


class ReadingSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    miles = _miles()
    source = serializers.ChoiceField(choices=OdometerSource.choices)  # type: ignore[assignment]
    at = Instant()
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The user who took it.")
    note = serializers.CharField(allow_blank=True)
    replaces = serializers.IntegerField(
        source="replaces_id",
        allow_null=True,
        help_text="Id of the wrong reading that this one corrects. Null unless it is a correction.",
    )
    base = serializers.BooleanField(help_text="The first reading of a new instrument cluster.")
    accepted = serializers.BooleanField(help_text="Not replaced by a correction.")


class ReadingInput(Serializer):
    miles = _miles(min_value=0)
    at = Instant(required=False, help_text="Now by default.")
    source = serializers.ChoiceField(choices=ledger.TAKEN_BY_STAFF, required=False)  # type: ignore[assignment]
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class CorrectionInput(Serializer):
    replaces = Id(required=False, allow_null=True, help_text="The wrong reading.")
    miles = _miles(min_value=0)
    reason = serializers.CharField(max_length=500)
    base = serializers.BooleanField(required=False, help_text="A new instrument cluster.")


class TransferInput(Serializer):
    customer_id = Id(source="customer", help_text="The new owner.")


def work_search_filter() -> SearchFilter:
    """Return the search filter of appointments and repair orders.

    Their rows have a customer, a vehicle and a description.
    """
    return SearchFilter(
        "",
        "vehicle",
        "customer",
        "customer__contact",
        help_text="Searches the customer, the description and the vehicle, as their own searches do.",
    )


class VehicleFilter(django_filters.FilterSet):
    search = SearchFilter(
        "",
        help_text="Searches the VIN, the license plate, the unit number, the make and the model.",
    )
    customer_id = IdFilter(Customer, "customer_id")
    archived = django_filters.BooleanFilter("archived_at", "isnull", exclude=True)

    class Meta:
        model = Vehicle
        fields: list[str] = []


class OwnVehicles(OwnList, CustomerVehicles):
    """The list of a customer at the staff's address."""

    query = OwnListQuery


class StaffVehicles(StaffViewSet):
    """List the vehicles of all customers.

    Archived vehicles are included. A customer gets the response of `GET /api/shop/vehicles/customers/me/vehicles/`.
    """

    resource = "vehicles"
    model = Vehicle
    serializer_class = VehicleRowSerializer
    query = query_of(VehicleFilter, ORDERING)
    inputs = {
        "create": NewVehicleInput,
        "partial_update": VehicleInput,
        "read_odometer": ReadingInput,
        "correct_odometer": CorrectionInput,
        "transfer": TransferInput,
    }
    verbs = ("archive", "restore", "transfer")
    permissions = actions.PERMISSIONS | ledger.PERMISSIONS
    customer_actions = {"list": "list_own"}
    own_list = OwnVehicles

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/odometer/", get="odometer", post="read_odometer"),
            cls.address("<id:id>/odometer/correct/", post="correct_odometer"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
        return order(
            apply(Vehicle.objects.visible_to(caller), VehicleFilter, filters), ORDERING, filters, "id"
        )

    def create(self, request: Request) -> JSONResponse:
        """Add a vehicle."""
        body = self.read_body()
        customer = self.one_of(Customer, body.pop("customer_id"), field="customer_id")
        vehicle = actions.add_vehicle(customer=customer, by=self.caller.user_id, now=timezone.now(), **body)
        return self.show(vehicle.pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a vehicle."""
        actions.change_vehicle(
            vehicle=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id)

    def archive(self, request: Request, id: int) -> JSONResponse:
        """Archive a vehicle.

        Its history stays. A vehicle with an appointment ahead or an open repair order is 409.
        """
        actions.archive_vehicle(vehicle=self.row(id), now=timezone.now())
        return self.show(id)

    def restore(self, request: Request, id: int) -> JSONResponse:
        """Restore an archived vehicle.

        Its dongle has to be linked again. A vehicle with a new owner is 409.
        """
        actions.restore_vehicle(vehicle=self.row(id))
        return self.show(id)

    @extend_schema(responses={201: VehicleRowSerializer})
    def transfer(self, request: Request, id: int) -> JSONResponse:
        """Transfer a vehicle to a new owner.

        The row is archived with its history. The answer is the new owner's row, which continues it. A vehicle with an
        appointment ahead or an open repair order is 409.
        """
        customer = self.one_of(Customer, self.read_body()["customer"], field="customer")
        successor = actions.transfer_vehicle(
            vehicle=self.row(id), customer=customer, by=self.caller.user_id, now=timezone.now()
        )
        return self.show(successor.pk, status=201)

    @extend_schema(responses=ReadingSerializer(many=True))
    def odometer(self, request: Request, id: int) -> JSONResponse:
        """List the odometer readings of a vehicle, newest first.

        The readings of the rows that it continues are included.
        """
        readings = ledger.find_readings(get_chain(self.row(id)))
        return JSONResponse([serialize(ReadingSerializer, reading) for reading in readings])

    @extend_schema(responses={201: ReadingSerializer})
    def read_odometer(self, request: Request, id: int) -> JSONResponse:
        """Add an odometer reading.

        It lies between the readings before and after it.
        """
        reading = ledger.read_odometer(
            vehicle=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return JSONResponse(serialize(ReadingSerializer, reading), status=201)

    @extend_schema(responses={201: ReadingSerializer})
    def correct_odometer(self, request: Request, id: int) -> JSONResponse:
        """Correct an odometer reading.

        The reading that it replaces is no longer accepted. With `base` it is the first reading of a new instrument
        cluster, and may replace none.
        """
        reading = ledger.correct_odometer(
            vehicle=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return JSONResponse(serialize(ReadingSerializer, reading), status=201)


urlpatterns = StaffVehicles.routes()
