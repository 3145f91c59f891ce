"""The staff API for the desk: the board of a day, and the intake of a customer with vehicle and visit."""

from __future__ import annotations

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.api.shop_staff import SLOT_TAKEN
from appointments.models import Appointment, AppointmentStatus, Bay, Location, Technician
from appointments.queries import find_services, get_default_location, local_time, resolve_start
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, DecimalNumber, Id, Instant, LocalInstant
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.api.shop_staff import CustomerInput, StaffCustomers
from customers.models import Customer
from desk.intake.actions import Visit, take_in
from desk.today.board import Board, make_board
from vehicles.api.shop_staff import VehicleInput
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle

STATES = ["plan", "here", "late", "work", "over", "done"]


class BoardQuery(Query):
    location_id = Id(required=False, help_text="Id of the location. The default location by default.")
    day = Day(required=False, help_text="Day of the board. Today at the location by default.")


class BoardVisitSerializer(Serializer):
    """A visit on the board. Times of a visit that is done end when its bay became free."""

    appointment_id = serializers.IntegerField()
    repair_order_id = serializers.IntegerField(
        allow_null=True, help_text="Set once the vehicle is checked in."
    )
    customer_id = serializers.IntegerField()
    customer_name = serializers.CharField()
    vehicle_id = serializers.IntegerField()
    vehicle = serializers.CharField(help_text="Year, make and model of the vehicle.")
    technician_id = serializers.IntegerField(allow_null=True)
    start = Instant()
    end = Instant()
    status = serializers.ChoiceField(choices=AppointmentStatus.choices)
    state = serializers.ChoiceField(
        choices=STATES, help_text="plan: booked. here: checked in. over: in work and over its end."
    )
    minutes = serializers.IntegerField(help_text="Late, or over the end.")


class BoardBaySerializer(Serializer):
    bay_id = serializers.IntegerField()
    name = serializers.CharField()
    visits = BoardVisitSerializer(many=True, help_text="The appointments in the bay, earliest first.")


class BoardSerializer(Serializer):
    location_id = serializers.IntegerField()
    day = serializers.DateField()
    time_zone = serializers.CharField()
    bays = BoardBaySerializer(many=True, help_text="The bays of the location with their visits.")


class StaffBoard(StaffViewSet):
    """The board of bays."""

    resource = "board"
    model = Appointment
    serializer_class = BoardSerializer
    matched = ""  # no row
    lists = ()
    permissions = {"board": "appointments.view_appointment"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="board")]

    @extend_schema(parameters=[BoardQuery], responses=BoardSerializer)
    def board(self, request: Request) -> JSONResponse:
        """Show the board of a day.

        It has each bay with its visits in the order of their start. Cancelled visits are left out.
        """
        query, now = BoardQuery.read(request.query_params), timezone.now()
        location = get_default_location()
        if "location_id" in query:
            location = self.one_of(Location, query["location_id"], field="location_id")
        day = query.get("day") or local_time(location, now).date()
        return JSONResponse(body_of(make_board(location, day, now=now)))


def body_of(board: Board) -> Json:
    """Return the body of a board."""
    bays = Bay.objects.filter(location=board.location).in_order().values_list("pk", "name")
    return {
        "location_id": board.location.pk,
        "day": board.day,
        "time_zone": board.location.time_zone,
        "bays": [
            {
                "bay_id": pk,
                "name": name,
                "visits": [
                    {
                        "appointment_id": visit.appointment.pk,
                        "repair_order_id": visit.order_id,
                        "customer_id": visit.appointment.customer_id,
                        "customer_name": visit.appointment.customer.name,
                        "vehicle_id": visit.appointment.vehicle_id,
                        "vehicle": str(visit.appointment.vehicle),
                        "technician_id": visit.appointment.technician_id,
                        "start": visit.shown.start,
                        "end": visit.shown.end,
                        "status": visit.appointment.status,
                        "state": visit.state,
                        "minutes": visit.minutes,
                    }
                    for visit in board.visits
                    if visit.appointment.bay_id == pk
                ],
            }
            for pk, name in bays
        ],
    }


class IntakeVehicleInput(VehicleInput):
    make = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=60)
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)


class IntakeVisitInput(Serializer):
    """A visit. Without `start` it begins now, in a bay that is free."""

    location_id = Id()
    start = LocalInstant(required=False, help_text="Without a time zone it is the location's local time.")
    services = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=50,
        help_text="Codes or names.",
    )
    bay_id = Id(required=False, help_text="A bay of the location. Without it any free bay is taken.")
    technician_id = Id(required=False, allow_null=True)
    allow_overlap = serializers.BooleanField(
        required=False, help_text="Let the technician have another appointment at that time."
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    check_in = serializers.BooleanField(
        required=False, help_text="The vehicle is here: open its repair order."
    )
    odometer = DecimalNumber(
        max_digits=9, decimal_places=2, min_value=0, required=False, help_text="Miles, read at the check-in."
    )
    promised_at = Instant(required=False)
    key_tag = serializers.CharField(
        required=False, allow_blank=True, max_length=20, help_text="The tag of the keys, with `check_in`."
    )


class IntakeInput(Serializer):
    customer = CustomerInput(required=False, help_text="A new customer, in place of `customer_id`.")
    customer_id = Id(required=False)
    vehicle = IntakeVehicleInput(required=False, help_text="A new vehicle, in place of `vehicle_id`.")
    vehicle_id = Id(required=False)
    appointment = IntakeVisitInput(
        required=False, help_text="The appointment to book. Left out, none is booked."
    )

    def validate(self, attrs: Json) -> Json:
        if ("customer" in attrs) == ("customer_id" in attrs):
            raise serializers.ValidationError({"customer": ["Send customer or customer_id."]})
        if "vehicle" in attrs and "vehicle_id" in attrs:
            raise serializers.ValidationError({"vehicle": ["Send vehicle or vehicle_id, not both."]})
        if "appointment" in attrs and not {"vehicle", "vehicle_id"} & attrs.keys():
            raise serializers.ValidationError({"vehicle": ["An appointment needs a vehicle."]})
        return attrs


class IntakeSerializer(Serializer):
    customer_id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField(allow_null=True)
    appointment_id = serializers.IntegerField(allow_null=True)
    repair_order_id = serializers.IntegerField(allow_null=True)


class StaffIntake(StaffViewSet):
    """The intake of a customer."""

    resource = "intake"
    model = Appointment
    serializer_class = IntakeSerializer
    matched = ""  # no row
    lists = ()
    inputs = {"create": IntakeInput}
    permissions = {"create": "appointments.add_appointment"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", post="create")]

    @extend_schema(responses={201: IntakeSerializer, 409: SLOT_TAKEN})
    def create(self, request: Request) -> JSONResponse:
        """Take in a customer with vehicle and appointment.

        All of it is stored, or nothing. Customer and vehicle are new or stored ones.
        """
        body, now = self.read_body(), timezone.now()
        customer: Customer | Json
        if "customer_id" in body:
            customer = self.one_of(Customer, body["customer_id"], field="customer_id")
        else:
            customer = StaffCustomers.stored_names(body["customer"], company="")
        vehicle = body.get("vehicle")
        if "vehicle_id" in body:
            vehicle = self.one_of(Vehicle, body["vehicle_id"], field="vehicle_id")
        taken = take_in(
            customer=customer,
            vehicle=vehicle,
            visit=self._visit(body["appointment"]) if "appointment" in body else None,
            by=self.caller.user_id,
            now=now,
        )
        return JSONResponse(
            {
                "customer_id": taken.customer.pk,
                "vehicle_id": taken.vehicle and taken.vehicle.pk,
                "appointment_id": taken.appointment and taken.appointment.pk,
                "repair_order_id": taken.order and taken.order.pk,
            },
            status=201,
        )

    def _visit(self, body: Json) -> Visit:
        location = self.one_of(Location, body.pop("location_id"), field="location_id")
        named: Json = {}
        for name, model in (("bay", Bay), ("technician", Technician)):
            if (pk := body.pop(f"{name}_id", None)) is not None:
                named[name] = self.one_of(model, pk, field=f"{name}_id")
        start = body.pop("start", None)
        return Visit(
            location=location,
            start=resolve_start(location, start) if start is not None else None,
            services=find_services(body.pop("services", [])),
            checks_in=body.pop("check_in", False),
            **named,
            **body,
        )


urlpatterns = [*StaffBoard.routes(), *StaffIntake.routes()]
