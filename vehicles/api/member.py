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
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import Instant, Miles, Word
from common.http.permissions import CustomerRole
from common.http.query import Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Serializer
from customers.actions import ensure_customer
from vehicles import actions
from vehicles.api.fields import Vin
from vehicles.models import FIRST_YEAR, LAST_YEAR, DongleConnection, Vehicle
from vehicles.queries import get_own_vehicle


class VehicleSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    user = serializers.UUIDField(
        source="customer.contact.uuid", allow_null=True, help_text="The customer's contact."
    )
    vin = serializers.CharField(allow_blank=True)
    make = serializers.CharField()
    model = serializers.CharField()
    trim = serializers.CharField(allow_blank=True)
    year = serializers.IntegerField()
    licensePlate = serializers.CharField(source="license_plate", allow_blank=True)
    odometer = Miles(help_text="Miles.")
    dongleId = serializers.CharField(source="dongle_id", allow_null=True)
    dongleConnectionType = serializers.ChoiceField(
        source="dongle_connection",
        choices=DongleConnection.values,
        allow_null=True,
        help_text="How the dongle sends. Null without a dongle.",
    )
    fuelType = serializers.CharField(source="fuel_type", allow_blank=True)
    createdAt = Instant(source="created_at")
    color = serializers.CharField(allow_blank=True)
    photoUrl = serializers.CharField(source="photo_url", allow_blank=True)


class VehicleInput(Serializer):
    vin = Vin()
    make = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=60)
    trim = serializers.CharField(max_length=60, required=False, allow_blank=True)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)
    licensePlate = serializers.CharField(
        source="license_plate", max_length=20, required=False, allow_blank=True
    )
    odometer = Miles(required=False, help_text="Miles. Cannot go down.")
    fuelType = serializers.CharField(source="fuel_type", max_length=20, required=False, allow_blank=True)
    color = serializers.CharField(max_length=30, required=False, allow_blank=True)
    photoUrl = serializers.URLField(source="photo_url", max_length=200, required=False, allow_blank=True)


class DongleInput(Serializer):
    dongleId = serializers.CharField(source="dongle_id", max_length=100)
    connectionType = Word(
        source="connection", choices=DongleConnection.values, help_text="How the dongle sends."
    )


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


def _vehicles(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
    rows = Vehicle.objects.visible_to(caller).in_use().order_by("id")
    return rows.filter(uuid=filters["uuid"]) if "uuid" in filters else rows


class _KeySerializer(Serializer):
    id = serializers.IntegerField()


class VehicleView(MemberView):
    """Base of the views of one vehicle: one of the caller's vehicles that is not archived."""

    permission_classes = [CustomerRole]
    read = Read(_vehicles, VehicleSerializer, params_of(_OneQuery))
    read_key = Read(_vehicles, _KeySerializer, params_of(_OneQuery))

    def vehicle_id(self, id: UUID | None) -> int:
        """Return the vehicle's primary key, for a route that needs no other column. Raise Missing."""
        return int(self._one(self.read_key, id)["id"])

    def vehicle(self, id: UUID | None) -> Vehicle:
        """Return the vehicle for an action. Raise Missing if it is not one of the caller's."""
        return get_own_vehicle(self.caller, id)

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the vehicle as it is stored now."""
        return JSONResponse(self._one(self.read, id))

    def _one(self, read: Read, id: UUID | None) -> Json:
        missing = Missing("Vehicle not found")
        if id is None:
            raise missing
        body: Json = read.one(self.caller, {"uuid": id}, missing)
        return body


class Vehicles(MemberList):
    """List the caller's vehicles, oldest first.

    Archived vehicles are left out.
    """

    permission_classes = [CustomerRole]
    serializer_class = VehicleSerializer
    input_class = VehicleInput
    rows = staticmethod(_vehicles)

    @extend_schema(responses={201: VehicleSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Add a vehicle.

        The first vehicle of a caller without a customer record creates that record.
        """
        body = self.read_body()
        now = timezone.now()
        customer = ensure_customer(self.caller, now=now)
        vehicle = actions.add_vehicle(customer=customer, by=self.caller.user_id, now=now, **body)
        return JSONResponse(serialize(VehicleSerializer, vehicle), status=201)


class VehicleDetail(VehicleView):
    """Retrieve, update or archive a vehicle."""

    input_class = VehicleInput

    @extend_schema(responses=VehicleSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve a vehicle."""
        return self.show(id)

    @extend_schema(responses=VehicleSerializer)
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Update a vehicle."""
        actions.change_vehicle(
            vehicle=self.vehicle(id),
            by=self.caller.user_id,
            now=timezone.now(),
            **self.read_body(partial=True),
        )
        return self.show(id)

    @extend_schema(request=VehicleInput(partial=True), responses=VehicleSerializer)
    def put(self, request: Request, id: UUID | None) -> JSONResponse:
        """Update a vehicle.

        Fields that the body leaves out keep their values.
        """
        return self.patch(request, id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Archive a vehicle.

        The shop keeps its history. A vehicle with an appointment ahead or an open repair order is 409.
        """
        actions.archive_vehicle(vehicle=self.vehicle(id), now=timezone.now())
        return JSONResponse(status=204)


class DongleLink(VehicleView):
    """Link or unlink the OBD dongle of a vehicle."""

    input_class = DongleInput

    @extend_schema(responses=VehicleSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Link a dongle.

        It replaces the vehicle's present dongle.
        """
        actions.link_dongle(vehicle=self.vehicle(id), **self.read_body())
        return self.show(id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Unlink the dongle.

        The data it reported stays. A vehicle without a dongle is left unchanged.
        """
        actions.unlink_dongle(vehicle=self.vehicle(id))
        return JSONResponse(status=204)


urlpatterns = [
    route("vehicles/", Vehicles.as_view()),
    route("vehicles/<public_id:id>/", VehicleDetail.as_view()),
    route("vehicles/<public_id:id>/link-dongle/", DongleLink.as_view()),
]
