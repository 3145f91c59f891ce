"""Contract 003, "Appointments": booking a visit, moving it, calling it off, and the lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments import actions
from appointments.api.member_locations import LocationSerializer, SlotSerializer
from appointments.models import HOLDS_A_BAY, Appointment, AppointmentStatus, Location
from appointments.queries import services_called, vehicle_meant
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.member import MemberError, MemberList, MemberView, missing
from common.http.fields import ChoiceList, Day, Instant, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.fields import AskedAt, Derived
from common.reads.read import Read
from common.reads.serializers import Serializer
from vehicles.models import Vehicle

# The contract's word -> the stored state.
STATES = {
    "scheduled": AppointmentStatus.PENDING,
    "in_progress": AppointmentStatus.IN_PROGRESS,
    "completed": AppointmentStatus.COMPLETED,
    "cancelled": AppointmentStatus.CANCELLED,
}
_WORDS = {state: word for word, state in STATES.items()}


class AppointmentSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    userId = serializers.UUIDField(source="customer.contact.uuid", allow_null=True)
    vehicleId = serializers.UUIDField(source="vehicle.uuid")
    locationId = serializers.UUIDField(source="location.uuid")
    location = LocationSerializer()
    startTime = Instant(source="start")
    endTime = Instant(source="end")
    services = Derived(list, "services.code", output=serializers.ListField(child=serializers.CharField()))
    status = Derived(_WORDS.get, "status", output=serializers.ChoiceField(choices=list(STATES)))
    createdAt = Instant(source="created_at")


class SlotTakenError(MemberError):
    """Also every other 409 of booking and moving, then without alternatives."""

    alternatives = SlotSerializer(many=True, required=False, help_text="The next free slots, at most three.")


CONFLICT = OpenApiResponse(SlotTakenError, description="The slot was just taken, or the visit has begun.")


class _ItemQuery(Query):
    id = PublicId()


def _appointment(caller: Caller, filters: Json) -> QuerySet[Appointment]:
    return Appointment.objects.visible_to(caller).filter(uuid=filters["id"])


_READ = Read(_appointment, AppointmentSerializer, params_of(_ItemQuery))


class _AppointmentView(MemberView):
    permission_classes = [CustomerRole]

    def show(self, id: UUID | None, status: int = 200) -> JSONResponse:
        """The visit's body as it stands now."""
        return JSONResponse(_READ.one(self.caller, {"id": id}, missing(Appointment)), status=status)


class MoveInput(Serializer):
    """What is left out stays."""

    vehicleId = PublicId(source="vehicle", required=False, allow_null=True)
    locationId = PublicId(source="location", required=False)
    startTime = Instant(source="start", required=False)
    services = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        allow_null=True,
        max_length=50,
        help_text="Codes or names.",
    )


class BookingInput(MoveInput):
    """Who has one vehicle need not name it."""

    locationId = PublicId(source="location")
    startTime = Instant(source="start")


class BookAppointment(_AppointmentView):
    """Book a visit."""

    input_class = BookingInput

    @extend_schema(responses={201: AppointmentSerializer, 409: CONFLICT})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        vehicle = vehicle_meant(self.caller, body.get("vehicle"))
        visit = actions.book_appointment(
            customer=vehicle.customer,
            vehicle=vehicle,
            location=self.one_of(Location, body["location"]),
            start=body["start"],
            services=services_called(body.get("services") or ()),
            now=timezone.now(),
        )
        return self.show(visit.uuid, status=201)


class AppointmentDetail(_AppointmentView):
    """One visit."""

    input_class = MoveInput

    @extend_schema(responses=AppointmentSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """One visit."""
        return self.show(id)

    @extend_schema(responses={200: AppointmentSerializer, 409: CONFLICT})
    def put(self, request: Request, id: UUID | None) -> JSONResponse:
        """Move a visit that has not begun, or change its vehicle or services."""
        return self.patch(request, id)

    @extend_schema(responses={200: AppointmentSerializer, 409: CONFLICT})
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Move a visit that has not begun, or change its vehicle or services."""
        visit, body = self.one_of(Appointment, id), self.read_body()
        services = body.get("services")
        actions.move_appointment(
            appointment=visit,
            vehicle=vehicle_meant(self.caller, body["vehicle"]) if body.get("vehicle") else None,
            location=self.one_of(Location, body["location"]) if "location" in body else None,
            start=body.get("start"),
            services=None if services is None else services_called(services),
            now=timezone.now(),
        )
        return self.show(id)

    @extend_schema(responses={204: None, 409: MemberError})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Call a visit off before it begins."""
        actions.call_off_appointment(
            appointment=self.one_of(Appointment, id), by=self.caller.user_id, now=timezone.now()
        )
        return JSONResponse(status=204)


class AppointmentQuery(ListQuery):
    status = ChoiceList(list(STATES), help_text="Comma-separated.")
    vehicleId = PublicId(source="vehicle", required=False)
    locationId = PublicId(source="location", required=False)
    dateFrom = Day(source="date_from", required=False, help_text="First day at the location, inclusive.")
    dateTo = Day(source="date_to", required=False, help_text="Last day at the location, inclusive.")

    def validate_status(self, words: list[str]) -> list[str]:
        """The contract's words as the states they stand for."""
        return [STATES[word].value for word in words]

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


class Appointments(MemberList):
    """All visits of the signed-in customer, the latest first."""

    permission_classes = [CustomerRole]
    query = AppointmentQuery
    serializer_class = AppointmentSerializer

    def check(self, filters: Any) -> None:
        for name, model in (("vehicle", Vehicle), ("location", Location)):
            if name in filters:
                self.one_of(model, filters[name])

    @staticmethod
    def rows(caller: Caller, filters: AppointmentFilters) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller).matching(filters).order_by("-start", "-id")


class UpcomingQuery(ListQuery):
    now = AskedAt()


class UpcomingAppointments(MemberList):
    """Visits that are booked or under way and not over yet, the next one first."""

    permission_classes = [CustomerRole]
    query = UpcomingQuery
    serializer_class = AppointmentSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Appointment]:
        rows = Appointment.objects.visible_to(caller).matching({"status": list(HOLDS_A_BAY)})
        return rows.not_over(filters["now"]).order_by("start", "id")


urlpatterns = [
    route("appointments/book/", BookAppointment.as_view()),
    route("appointments/upcoming/", UpcomingAppointments.as_view()),
    route("appointments/<public_id:id>/", AppointmentDetail.as_view()),
    route("appointments/", Appointments.as_view()),
]
