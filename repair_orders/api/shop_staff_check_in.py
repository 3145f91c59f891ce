"""The staff API: check vehicles in, with an appointment or without."""

from __future__ import annotations

from typing import ClassVar

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.api.shop_staff import StaffAppointments
from appointments.models import Location
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.shop import StaffError
from common.http.fields import Id, Instant, Miles
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from repair_orders import check_in as actions
from repair_orders.api.shop_staff import RepairOrderDetailSerializer, StaffRepairOrders
from repair_orders.models import RepairOrder, RepairOrderStatus
from vehicles.models import Vehicle


class OpenOrderSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=RepairOrderStatus.choices)
    description = serializers.CharField(allow_blank=True)
    can_be_taken = serializers.BooleanField(help_text="By `repair_order_id`.")


class CheckInError(StaffError):
    """The 409 of a check-in. Only `order_is_open` has the orders."""

    repair_order_id = serializers.IntegerField(
        required=False, help_text="The order to take, or that of the appointment."
    )
    number = serializers.IntegerField(required=False, allow_null=True)
    orders = OpenOrderSerializer(many=True, required=False, help_text="The open orders of the vehicle.")


REFUSED = OpenApiResponse(
    CheckInError,
    description="The appointment has an order or is over, or the vehicle has an open order.",
)


class CheckInInput(Serializer):
    odometer = Miles(required=False, help_text="Miles when the vehicle is taken in.")
    promised_at = Instant(
        required=False, allow_null=True, help_text="When the vehicle is promised to be ready, in the future."
    )
    key_tag = serializers.CharField(
        required=False, allow_blank=True, max_length=20, help_text="The tag of the keys, or where they hang."
    )
    description = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=10_000,
        help_text="The customer's words. Those of the appointment by default.",
    )
    repair_order_id = Id(
        source="order",
        required=False,
        help_text="A requested order of the vehicle without an appointment, to take in place of a new one.",
    )
    anyway = serializers.BooleanField(
        required=False, help_text="Make a new order although the vehicle has an open one."
    )


class WalkInCheckInInput(CheckInInput):
    vehicle_id = Id()
    location_id = Id(required=False, help_text="The default location without one.")


class _CheckIns(StaffViewSet):
    creates = frozenset({"check_in"})
    permissions = actions.PERMISSIONS

    def named_order(self, body: Json) -> Json:
        """Return the body with the order that it names. Raises Missing."""
        if "order" in body:
            body["order"] = self.one_of(RepairOrder, body["order"], field="order")
        return body


class StaffAppointmentCheckIn(_CheckIns, StaffAppointments):
    """The check-in of an appointment, which its own room cannot offer, because it does not know repair orders."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"check_in": CheckInInput}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("<id:id>/check-in/", post="check_in")]

    @extend_schema(responses={201: RepairOrderDetailSerializer, 409: REFUSED})
    def check_in(self, request: Request, id: int) -> JSONResponse:
        """Check in the vehicle of an appointment.

        The answer is its repair order. The services of the appointment are its jobs.
        """
        body = self.named_order(self.read_body())
        order = actions.check_in(appointment=self.row(id), by=self.caller.user_id, now=timezone.now(), **body)
        return JSONResponse(StaffRepairOrders.detail_of(self.caller, order.pk), status=201)


class StaffWalkInCheckIn(_CheckIns, StaffRepairOrders):
    """The check-in of a vehicle without an appointment."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"check_in": WalkInCheckInInput}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("check-in/", post="check_in")]

    @extend_schema(responses={201: RepairOrderDetailSerializer, 409: REFUSED})
    def check_in(self, request: Request) -> JSONResponse:
        """Check in a vehicle without an appointment.

        The answer is its repair order.
        """
        body = self.named_order(self.read_body())
        location_id = body.pop("location_id", None)
        order = actions.check_in(
            vehicle=self.one_of(Vehicle, body.pop("vehicle_id"), field="vehicle_id"),
            location=location_id and self.one_of(Location, location_id, field="location_id"),
            by=self.caller.user_id,
            now=timezone.now(),
            **body,
        )
        return self.show(order.pk, status=201)


urlpatterns = [*StaffAppointmentCheckIn.routes(), *StaffWalkInCheckIn.routes()]
