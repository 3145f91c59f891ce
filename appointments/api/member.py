"""Contract 003, "Appointments": book, move, cancel and list."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments import actions
from appointments.api.member_locations import LocationSerializer, SlotSerializer
from appointments.models import HOLDS_A_BAY, Appointment, AppointmentStatus, Location
from appointments.queries import find_services, get_vehicle_to_book
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberError, MemberList, MemberView, missing
from common.http.fields import ChoiceList, Day, Instant, LocalInstant, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import AskedAt, Derived, Serializer
from vehicles.models import Vehicle

# Status in the contract -> stored status.
STATUSES = {
    "scheduled": AppointmentStatus.PENDING,
    "in_progress": AppointmentStatus.IN_PROGRESS,
    "completed": AppointmentStatus.COMPLETED,
    "cancelled": AppointmentStatus.CANCELLED,
}
_CONTRACT_STATUS = {stored: name for name, stored in STATUSES.items()}


class AppointmentSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    userId = serializers.UUIDField(source="customer.contact.uuid", allow_null=True)
    vehicleId = serializers.UUIDField(source="vehicle.uuid")
    locationId = serializers.UUIDField(source="location.uuid")
    location = LocationSerializer()
    startTime = Instant(source="start", help_text="Begin of the appointment.")
    endTime = Instant(source="end", help_text="End of the appointment.")
    services = Derived(list, "services.code", output=serializers.ListField(child=serializers.CharField()))
    status = Derived(_CONTRACT_STATUS.get, "status", output=serializers.ChoiceField(choices=list(STATUSES)))
    createdAt = Instant(source="created_at")


class SlotTakenError(MemberError):
    """The 409 of booking and moving. Only a taken slot has alternatives."""

    alternatives = SlotSerializer(many=True, required=False, help_text="The next free slots, at most three.")


CONFLICT = OpenApiResponse(
    SlotTakenError,
    description="The slot is taken, the vehicle has another appointment then, too many are ahead, or the appointment "
    "has begun.",
)


class _ItemQuery(Query):
    id = PublicId()


def _appointment(caller: Caller, filters: Json) -> QuerySet[Appointment]:
    return Appointment.objects.visible_to(caller).filter(uuid=filters["id"])


_READ = Read(_appointment, AppointmentSerializer, params_of(_ItemQuery))


class _AppointmentView(MemberView):
    permission_classes = [CustomerRole]

    def show(self, id: UUID | None, status: int = 200) -> JSONResponse:
        """Return the response with the appointment as it is stored now."""
        return JSONResponse(_READ.one(self.caller, {"id": id}, missing(Appointment)), status=status)


class MoveInput(Serializer):
    """Fields that are left out keep their values."""

    vehicleId = PublicId(source="vehicle", required=False, allow_null=True)
    locationId = PublicId(source="location", required=False)
    startTime = LocalInstant(
        source="start", required=False, help_text="Without a time zone it is the location's local time."
    )
    services = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        allow_null=True,
        max_length=50,
        help_text="Codes or names.",
    )


class BookingInput(MoveInput):
    """A customer with one vehicle can leave the vehicle out."""

    locationId = PublicId(source="location")
    startTime = LocalInstant(source="start", help_text="Without a time zone it is the location's local time.")


class BookAppointment(_AppointmentView):
    """Book an appointment."""

    input_class = BookingInput

    @extend_schema(responses={201: AppointmentSerializer, 409: CONFLICT})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        vehicle = get_vehicle_to_book(self.caller, body.get("vehicle"))
        appointment = actions.book_appointment(
            customer=vehicle.customer,
            vehicle=vehicle,
            location=self.one_of(Location, body["location"]),
            start=body["start"],
            services=find_services(body.get("services") or ()),
            now=timezone.now(),
        )
        return self.show(appointment.uuid, status=201)


class AppointmentDetail(_AppointmentView):
    """Retrieve, move or cancel an appointment."""

    input_class = MoveInput
    follows = {"endTime": "startTime", "location": "locationId"}

    @extend_schema(responses=AppointmentSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve an appointment."""
        return self.show(id)

    @extend_schema(responses={200: AppointmentSerializer, 409: CONFLICT})
    def put(self, request: Request, id: UUID | None) -> JSONResponse:
        """Move an appointment.

        Time, location, vehicle and services can be changed until work begins.
        """
        return self.patch(request, id)

    @extend_schema(responses={200: AppointmentSerializer, 409: CONFLICT})
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Move an appointment.

        Time, location, vehicle and services can be changed until work begins.
        """
        appointment, body = self.one_of(Appointment, id), self.read_body()
        services = body.get("services")
        actions.move_appointment(
            appointment=appointment,
            vehicle=get_vehicle_to_book(self.caller, body["vehicle"]) if body.get("vehicle") else None,
            location=self.one_of(Location, body["location"]) if "location" in body else None,
            start=body.get("start"),
            services=None if services is None else find_services(services),
            now=timezone.now(),
        )
        return self.show(id)

    @extend_schema(responses={204: None, 409: MemberError})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Cancel an appointment.

        An appointment can be cancelled until work begins.
        """
        actions.cancel_pending_appointment(
            appointment=self.one_of(Appointment, id), by=self.caller.user_id, now=timezone.now()
        )
        return JSONResponse(status=204)


class AppointmentQuery(ListQuery):
    status = ChoiceList(list(STATUSES), help_text="Comma-separated.")
    vehicleId = PublicId(source="vehicle", required=False)
    locationId = PublicId(source="location", required=False)
    dateFrom = Day(source="date_from", required=False, help_text="First day at the location, inclusive.")
    dateTo = Day(source="date_to", required=False, help_text="Last day at the location, inclusive.")

    def validate_status(self, names: list[str]) -> list[str]:
        """Return the stored statuses."""
        return [STATUSES[name].value for name in names]

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


class Appointments(MemberList):
    """List the customer's appointments, latest first."""

    permission_classes = [CustomerRole]
    query = AppointmentQuery
    serializer_class = AppointmentSerializer

    def check(self, filters: Values) -> None:
        for name, model in (("vehicle", Vehicle), ("location", Location)):
            if name in filters:
                self.one_of(model, filters[name])

    @staticmethod
    def rows(caller: Caller, filters: AppointmentFilters) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller).matching(filters).order_by("-start", "-id")


class UpcomingQuery(ListQuery):
    now = AskedAt()


class UpcomingAppointments(MemberList):
    """List upcoming and ongoing appointments, next first."""

    permission_classes = [CustomerRole]
    query = UpcomingQuery
    serializer_class = AppointmentSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Appointment]:
        rows = Appointment.objects.visible_to(caller).matching({"status": list(HOLDS_A_BAY)})
        return rows.ending_after(filters["now"]).order_by("start", "id")


urlpatterns = [
    route("appointments/book/", BookAppointment.as_view()),
    route("appointments/upcoming/", UpcomingAppointments.as_view()),
    route("appointments/<public_id:id>/", AppointmentDetail.as_view()),
    route("appointments/", Appointments.as_view()),
]
