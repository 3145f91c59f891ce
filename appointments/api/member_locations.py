"""Contract 003: locations and "Check Availability"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from functools import lru_cache
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Appointment, Location, Weekday
from appointments.queries import (
    get_available_slots,
    get_length_to_book,
    get_vehicle_to_book,
)
from appointments.slots import format_closing
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView, missing
from common.http.fields import Day, Instant, PublicId, TextList
from common.http.permissions import CustomerRole
from common.http.query import Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer

_DAYS = [(day.value, day.name.lower()) for day in Weekday]


def format_hours(weekdays: Sequence[int], opens: Sequence[time], closes: Sequence[time]) -> dict[str, str]:
    """Return `{"monday": "08:00–18:00", …, "sunday": "Closed"}`, Monday first."""
    known = dict(zip(weekdays, map(_format_span, opens, closes), strict=True))
    return {name: known.get(day, "Closed") for day, name in _DAYS}


@lru_cache(maxsize=1024)
def _format_span(opens: time, closes: time) -> str:
    return f"{opens:%H:%M}–{format_closing(closes)}"


class LocationSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    address = serializers.CharField()
    lat = serializers.FloatField(source="latitude")
    lng = serializers.FloatField(source="longitude")
    phone = serializers.CharField(allow_blank=True)
    hours = Derived(
        format_hours,
        *(f"opening_hours.{name}" for name in ("weekday", "opens", "closes")),
        output=serializers.DictField(
            child=serializers.CharField(),
            help_text="Day of the week, such as `monday` -> its opening hours, or `Closed`.",
        ),
    )
    createdAt = Instant(source="created_at")


class Locations(MemberList):
    """List locations."""

    permission_classes = [CustomerRole]
    serializer_class = LocationSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Location]:
        return Location.objects.order_by("name", "id")


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


def _location(caller: Caller, filters: Json) -> QuerySet[Location]:
    return Location.objects.filter(uuid=filters["uuid"])


class LocationDetail(MemberView):
    """Retrieve a location."""

    permission_classes = [CustomerRole]
    read = Read(_location, LocationSerializer, params_of(_OneQuery))

    @extend_schema(responses=LocationSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return JSONResponse(self.read.one(self.caller, {"uuid": id}, missing(Location)))


class SlotSerializer(Serializer):
    start = Instant()
    end = Instant()


class Availability(Serializer):
    availableSlots = SlotSerializer(many=True, help_text="The free slots of the day, earliest first.")


class AvailabilityQuery(Query):
    locationId = PublicId(source="location", help_text="Id of the location.")
    date = Day(source="day", help_text="A day at the location, at most 90 days ahead.")
    vehicleId = PublicId(
        source="vehicle", required=False, help_text="The vehicle to book for, one of the caller's."
    )
    appointmentId = PublicId(
        source="appointment",
        required=False,
        help_text="An appointment that is to move. It does not block itself.",
    )
    services = TextList(
        required=False,
        max_length=1000,
        help_text="Comma-separated codes. Without services an appointment takes 30 minutes.",
    )


class AppointmentAvailability(MemberView):
    """List the free slots of a day."""

    permission_classes = [CustomerRole]
    input_class = AvailabilityQuery

    @extend_schema(responses=Availability)
    def get(self, request: Request) -> JSONResponse:
        query = AvailabilityQuery.read(request.query_params)
        location = self.one_of(Location, query["location"])
        if "vehicle" in query:
            get_vehicle_to_book(self.caller, query["vehicle"])
        moving = self.one_of(Appointment, query["appointment"]) if "appointment" in query else None
        slots = get_available_slots(
            location=location,
            day=query["day"],
            length=get_length_to_book(query.get("services", []), moving),
            now=timezone.now(),
            ignoring=moving,
        )
        return JSONResponse({"availableSlots": [slot._asdict() for slot in slots]})


urlpatterns = [
    route("appointments/availability/", AppointmentAvailability.as_view()),
    route("appointments/locations/", Locations.as_view()),
    route("appointments/locations/<public_id:id>/", LocationDetail.as_view()),
]
