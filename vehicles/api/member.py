"""Contract 003, "Vehicles"."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import Instant, Miles
from common.http.permissions import CustomerRole
from common.http.query import Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Serializer
from customers.actions import ensure_customer
from vehicles import actions
from vehicles.models import FIRST_YEAR, LAST_YEAR, DongleConnection, Vehicle
from vehicles.vin import validate_vin


class VehicleSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    user = serializers.UUIDField(
        source="customer.contact.uuid", allow_null=True, help_text="The customer's contact."
    )
    vin = serializers.CharField()
    make = serializers.CharField()
    model = serializers.CharField()
    trim = serializers.CharField(allow_blank=True)
    year = serializers.IntegerField()
    licensePlate = serializers.CharField(source="license_plate", allow_blank=True)
    odometer = Miles(help_text="Miles.")
    dongleId = serializers.CharField(source="dongle_id", allow_null=True)
    dongleConnectionType = serializers.ChoiceField(
        source="dongle_connection", choices=DongleConnection.values, allow_null=True
    )
    fuelType = serializers.CharField(source="fuel_type", allow_blank=True)
    createdAt = Instant(source="created_at")
    color = serializers.CharField(allow_blank=True)
    photoUrl = serializers.CharField(source="photo_url", allow_blank=True)


class VehicleInput(Serializer):
    vin = serializers.CharField(validators=[validate_vin])
    make = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=60)
    trim = serializers.CharField(max_length=60, required=False, allow_blank=True)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)
    licensePlate = serializers.CharField(
        source="license_plate", max_length=20, required=False, allow_blank=True
    )
    odometer = Miles(required=False, help_text="Miles. Never runs backwards.")
    fuelType = serializers.CharField(source="fuel_type", max_length=20, required=False, allow_blank=True)
    color = serializers.CharField(max_length=30, required=False, allow_blank=True)
    photoUrl = serializers.URLField(source="photo_url", max_length=200, required=False, allow_blank=True)


class DongleInput(Serializer):
    dongleId = serializers.CharField(source="dongle_id", max_length=100)
    connectionType = serializers.ChoiceField(source="connection", choices=DongleConnection.values)


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


def _rows(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
    rows = Vehicle.objects.visible_to(caller).in_use().order_by("id")
    return rows.filter(uuid=filters["uuid"]) if "uuid" in filters else rows


class _KeySerializer(Serializer):
    id = serializers.IntegerField()


class VehicleView(MemberView):
    """Something about one of the caller's vehicles in use."""

    permission_classes = [CustomerRole]
    read = Read(_rows, VehicleSerializer, params_of(_OneQuery))
    read_key = Read(_rows, _KeySerializer, params_of(_OneQuery))

    def vehicle_id(self, id: UUID | None) -> int:
        """Its key alone, for what only refers to it."""
        return int(self._one(self.read_key, id)["id"])

    def vehicle(self, id: UUID | None) -> Vehicle:
        """The row itself, for an action. Missing where it is not the caller's."""
        vehicle = _rows(self.caller, {"uuid": id}).first() if id else None
        if vehicle is None:
            raise Missing("Vehicle not found")
        return vehicle

    def show(self, id: UUID | None) -> JSONResponse:
        """The vehicle's body as it stands now."""
        return JSONResponse(self._one(self.read, id))

    def _one(self, read: Read, id: UUID | None) -> Json:
        missing = Missing("Vehicle not found")
        if id is None:
            raise missing
        body: Json = read.one(self.caller, {"uuid": id}, missing)
        return body


class Vehicles(MemberList):
    """The caller's vehicles in use, the oldest first."""

    permission_classes = [CustomerRole]
    serializer_class = VehicleSerializer
    input_class = VehicleInput
    rows = staticmethod(_rows)

    @extend_schema(responses={201: VehicleSerializer})
    def post(self, request: Request) -> JSONResponse:
        """A new vehicle of the caller's; his customer record is made where he has none yet."""
        body = self.read_body()
        customer = ensure_customer(self.caller, now=timezone.now())
        vehicle = actions.add_vehicle(customer=customer, **body)
        return JSONResponse(serialize(VehicleSerializer, vehicle), status=201)


class VehicleDetail(VehicleView):
    """One vehicle of the caller's."""

    input_class = VehicleInput

    @extend_schema(responses=VehicleSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return self.show(id)

    @extend_schema(responses=VehicleSerializer)
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Change what is sent."""
        actions.change_vehicle(vehicle=self.vehicle(id), **self.read_body(partial=True))
        return self.show(id)

    @extend_schema(request=VehicleInput(partial=True), responses=VehicleSerializer)
    def put(self, request: Request, id: UUID | None) -> JSONResponse:
        """Change what is sent; what is not sent stays."""
        return self.patch(request, id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Take a vehicle out of use; the shop keeps its history."""
        actions.archive_vehicle(vehicle=self.vehicle(id), now=timezone.now())
        return JSONResponse(status=204)


class DongleLink(VehicleView):
    """The OBD dongle in one vehicle."""

    input_class = DongleInput

    @extend_schema(responses=VehicleSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Link a dongle, in the place of the one there was."""
        actions.link_dongle(vehicle=self.vehicle(id), **self.read_body())
        return self.show(id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Unlink the dongle, if there is one; what it reported stays."""
        actions.unlink_dongle(vehicle=self.vehicle(id))
        return JSONResponse(status=204)


urlpatterns = [
    route("vehicles/", Vehicles.as_view()),
    route("vehicles/<public_id:id>/", VehicleDetail.as_view()),
    route("vehicles/<public_id:id>/link-dongle/", DongleLink.as_view()),
]
