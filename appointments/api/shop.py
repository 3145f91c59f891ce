"""Contract 000, "Customer Appointments Endpoint", and booking for oneself."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from appointments import actions
from appointments.models import Appointment, AppointmentStatus
from appointments.queries import get_usual_location
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopCustomerList, ShopError, ShopView
from common.http.fields import ChoiceList, Day, Id, Instant, LocalInstant, OptionalText
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Serializer
from customers.api.shop import name_of
from vehicles.api.shop import VehicleBriefSerializer
from vehicles.queries import get_vehicle_in_use


class ReportedProblemSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)


class TechnicianSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    user_id = serializers.IntegerField(allow_null=True)


class AppointmentSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    vehicle = VehicleBriefSerializer()
    reported_problem_id = serializers.IntegerField(
        allow_null=True, help_text="Id of the problem that was chosen at the booking. Null without one."
    )
    reported_problem = ReportedProblemSerializer(
        allow_null=True, help_text="The problem that was chosen at the booking. Null without one."
    )
    assigned_technician_id = serializers.IntegerField(
        source="technician_id",
        allow_null=True,
        help_text="Id of the technician who does the work. Null until one is assigned.",
    )
    assigned_technician = TechnicianSerializer(
        source="technician",
        allow_null=True,
        help_text="The technician who does the work. Null until one is assigned.",
    )
    customer_id = serializers.IntegerField()
    customer_name = name_of("customer.")
    description = serializers.CharField(allow_blank=True)
    date = Instant(source="start", help_text="Begin of the appointment.")
    status = serializers.ChoiceField(choices=AppointmentStatus.choices)
    assigned_at = Instant(allow_null=True)
    started_at = Instant(allow_null=True)
    completed_at = Instant(allow_null=True)


class AppointmentQuery(ListQuery):
    status = ChoiceList(AppointmentStatus.values, help_text="Comma-separated.")
    dateFrom = Day(source="date_from", required=False, help_text="First day, inclusive.")
    dateTo = Day(source="date_to", required=False, help_text="Last day, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


@extend_schema_field(OpenApiTypes.STR)
class StartOrDay(LocalInstant):
    """A start as an instant or a local time, or a day as YYYY-MM-DD."""

    def to_internal_value(self, value: Any) -> datetime | date:  # type: ignore[override]  # or a day
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            return Day().to_internal_value(value)
        return super().to_internal_value(value)


class BookingInput(Serializer):
    """A booking for oneself. It is at the location of the latest appointment, else at the shop's default location."""

    vehicle_id = Id()
    date = StartOrDay(
        source="start",
        help_text="A start, or a day of which the first free time is booked. A time without a time zone is the "
        "location's local time.",
    )
    description = OptionalText(max_length=10_000)


class SlotSerializer(Serializer):
    start = Instant()
    end = Instant()


class TimeTakenError(ShopError):
    """The 409 of booking. Only a taken time has alternatives."""

    alternatives = SlotSerializer(many=True, required=False, help_text="The next free times, at most three.")


class _OneAppointment(Query):
    id = Id()


def _one(caller: Caller, filters: Json) -> QuerySet[Appointment]:
    return Appointment.objects.visible_to(caller).filter(pk=filters["id"])


_READ = Read(_one, AppointmentSerializer, params_of(_OneAppointment))


def book(view: ShopView) -> JSONResponse:
    """Book an appointment for the caller with the body of the view's request, and return the response."""
    body = view.read_body()
    vehicle = get_vehicle_in_use(view.caller, body["vehicle_id"])
    start, now = body["start"], timezone.now()
    booking: Json = {
        "customer": vehicle.customer,
        "vehicle": vehicle,
        "location": get_usual_location(vehicle.customer),
        "services": (),
        "description": body["description"],
        "now": now,
    }
    if isinstance(start, datetime):
        appointment = actions.book_appointment(start=start, **booking)
    else:
        appointment = actions.book_first_free(day=start, **booking)
    return JSONResponse(_READ.one(view.caller, {"id": appointment.pk}), status=201)


class CustomerAppointments(ShopCustomerList):
    """List the customer's appointments, latest first."""

    query = AppointmentQuery
    serializer_class = AppointmentSerializer
    input_class = BookingInput

    @staticmethod
    def rows(caller: Caller, filters: AppointmentFilters) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller).matching(filters).order_by("-start", "-id")

    @extend_schema(
        responses={
            201: AppointmentSerializer,
            409: OpenApiResponse(
                TimeTakenError,
                description="The time is taken, the vehicle has another appointment then, or too many are ahead.",
            ),
        }
    )
    def post(self, request: Request) -> JSONResponse:
        """Book an appointment.

        It takes 30 minutes. `POST /api/shop/appointments/` is the same for a customer.
        """
        return book(self)


urlpatterns = [route("appointments/customers/me/appointments/", CustomerAppointments.as_view())]
