"""The staff API: appointments, technicians and locations."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments import actions
from appointments.api.shop import AppointmentSerializer, TechnicianSerializer
from appointments.models import Appointment, AppointmentStatus, Location, Technician
from appointments.queries import find_services, get_appointment_length, get_available_slots
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.shop import ShopError
from common.http.fields import Day, Id, Instant, TextList
from common.http.filters import ChoiceListFilter, IdFilter, SearchFilter, apply, order, query_of
from common.http.query import Query
from common.http.responses import JSONResponse
from common.http.viewsets import StaffViewSet
from common.reads.fields import Derived
from common.reads.serializers import Serializer
from customers.models import Customer
from vehicles.api.shop_staff import work_search_filter
from vehicles.models import Vehicle

ORDERING = {"start": ("start",), "created": ("created_at",)}
BY_NAME = {"name": ("name",)}


class AppointmentRowSerializer(AppointmentSerializer):
    """The appointment of contract 000 and the fields that only staff see."""

    location_id = serializers.IntegerField()
    bay_id = serializers.IntegerField()
    end = Instant()
    services = Derived(list, "services.code", output=serializers.ListField(child=serializers.CharField()))
    notes = serializers.CharField(allow_blank=True)
    created_at = Instant()
    cancelled_at = Instant(allow_null=True)


class AppointmentFilter(django_filters.FilterSet):
    status = ChoiceListFilter(choices=AppointmentStatus.choices, lookup_expr="in")
    customer_id = IdFilter(Customer, "customer_id")
    vehicle_id = IdFilter(Vehicle, "vehicle_id")
    location_id = IdFilter(Location, "location_id")
    technician_id = IdFilter(Technician, "technician_id")
    unassigned = django_filters.BooleanFilter("technician", "isnull", help_text="Without a technician.")
    search = work_search_filter()

    class Meta:
        model = Appointment
        fields: list[str] = []


class AppointmentQuery(query_of(AppointmentFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    date_from = Day(required=False, help_text="First day at the location, inclusive.")
    date_to = Day(required=False, help_text="Last day at the location, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "date_from", "date_to")
        return attrs


class SlotSerializer(Serializer):
    start = Instant()
    end = Instant()


class Availability(Serializer):
    available_slots = SlotSerializer(many=True)


class SlotTakenError(ShopError):
    alternatives = SlotSerializer(many=True, help_text="The next free slots, at most three.")


SLOT_TAKEN = OpenApiResponse(SlotTakenError, description="The slot is taken.")


class AppointmentInput(Serializer):
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class NewAppointmentInput(AppointmentInput):
    customer_id = Id()
    vehicle_id = Id()
    location_id = Id()
    start = Instant()
    services = serializers.ListField(
        child=serializers.CharField(max_length=100), default=list, max_length=50, help_text="Codes or names."
    )
    technician_id = Id(required=False, allow_null=True)


class AssignInput(Serializer):
    technician_id = Id()


class StaffAppointments(StaffViewSet):
    """List the appointments of all customers, earliest first."""

    resource = "appointments"
    model = Appointment
    serializer_class = AppointmentRowSerializer
    query = AppointmentQuery
    inputs = {"create": NewAppointmentInput, "partial_update": AppointmentInput, "assign": AssignInput}
    verbs = ("assign", "start", "complete", "cancel")
    permissions = actions.PERMISSIONS

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Appointment]:
        days = {name: filters[name] for name in ("date_from", "date_to") if name in filters}
        rows = Appointment.objects.visible_to(caller).matching(AppointmentFilters(**days))  # type: ignore[typeddict-item]
        return order(apply(rows, AppointmentFilter, filters), ORDERING, filters, "start")

    @extend_schema(responses={201: AppointmentRowSerializer, 409: SLOT_TAKEN})
    def create(self, request: Request) -> JSONResponse:
        """Book an appointment for a customer."""
        body = self.read_body()
        technician_id = body.pop("technician_id", None)
        appointment = actions.book_appointment(
            customer=self.one_of(Customer, body.pop("customer_id"), field="customer_id"),
            vehicle=self.one_of(Vehicle, body.pop("vehicle_id"), field="vehicle_id"),
            location=self.one_of(Location, body.pop("location_id"), field="location_id"),
            services=find_services(body.pop("services")),
            technician=technician_id and self.one_of(Technician, technician_id, field="technician_id"),
            now=timezone.now(),
            **body,
        )
        return self.show(appointment.pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update the texts of an appointment."""
        actions.change_texts(appointment=self.row(id), **self.read_body())
        return self.show(id)

    def assign(self, request: Request, id: int) -> JSONResponse:
        """Assign a technician.

        The appointment must be pending or in progress.
        """
        technician = self.one_of(Technician, self.read_body()["technician_id"], field="technician_id")
        actions.assign_technician(
            appointment=self.row(id), technician=technician, by=self.caller.user_id, now=timezone.now()
        )
        return self.show(id)

    def start(self, request: Request, id: int) -> JSONResponse:
        """Start an appointment.

        The appointment must have a technician.
        """
        actions.start_appointment(appointment=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def complete(self, request: Request, id: int) -> JSONResponse:
        """Complete an appointment.

        The bay becomes free.
        """
        actions.complete_appointment(appointment=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def cancel(self, request: Request, id: int) -> JSONResponse:
        """Cancel an appointment.

        The bay becomes free.
        """
        actions.cancel_appointment(appointment=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)


class TechnicianRowSerializer(TechnicianSerializer):
    location_id = serializers.IntegerField(allow_null=True)


class TechnicianFilter(django_filters.FilterSet):
    search = SearchFilter({"": ("name", "email")}, help_text="Searches the name and the email address.")
    location_id = IdFilter(Location, "location_id")

    class Meta:
        model = Technician
        fields: list[str] = []


class TechnicianInput(Serializer):
    name = serializers.CharField(max_length=200, required=False)
    role = serializers.CharField(max_length=60, required=False)
    email = serializers.EmailField(required=False, allow_blank=True)
    location_id = Id(required=False, allow_null=True)


class NewTechnicianInput(TechnicianInput):
    name = serializers.CharField(max_length=200)


class StaffTechnicians(StaffViewSet):
    """List technicians."""

    resource = "technicians"
    model = Technician
    serializer_class = TechnicianRowSerializer
    query = query_of(TechnicianFilter, BY_NAME)
    inputs = {"create": NewTechnicianInput, "partial_update": TechnicianInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Technician]:
        return order(apply(Technician.objects.all(), TechnicianFilter, filters), BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a technician."""
        return self.show(actions.save_technician(Technician(), **self._body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a technician."""
        actions.save_technician(self.row(id), **self._body())
        return self.show(id)

    def _body(self) -> Json:
        body = self.read_body()
        if body.get("location_id") is not None:
            self.one_of(Location, body["location_id"], field="location_id")
        return body


class LocationRowSerializer(Serializer):
    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    address = serializers.CharField()
    latitude = serializers.DecimalField(max_digits=9, decimal_places=6)
    longitude = serializers.DecimalField(max_digits=9, decimal_places=6)
    phone = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField()
    bays = Derived(list, "bays.name", output=serializers.ListField(child=serializers.CharField()))


class LocationFilter(django_filters.FilterSet):
    search = SearchFilter({"": ("name", "address")}, help_text="Searches the name and the address.")

    class Meta:
        model = Location
        fields: list[str] = []


class AvailabilityQuery(Query):
    date = Day(source="day", help_text="A day at the location, at most 90 days ahead.")
    services = TextList(
        required=False,
        max_length=1000,
        help_text="Comma-separated codes. Without services an appointment takes 30 minutes.",
    )


class StaffLocations(StaffViewSet):
    """List locations."""

    resource = "locations"
    model = Location
    serializer_class = LocationRowSerializer
    query = query_of(LocationFilter, BY_NAME)
    inputs = {"availability": AvailabilityQuery}
    permissions = {"availability": "appointments.view_location"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [*super().routes(), cls.address("<id:id>/availability/", get="availability")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Location]:
        return order(apply(Location.objects.all(), LocationFilter, filters), BY_NAME, filters, "name")

    @extend_schema(responses=Availability)
    def availability(self, request: Request, id: int) -> JSONResponse:
        """List the free slots of a day."""
        query = AvailabilityQuery.read(request.query_params)
        slots = get_available_slots(
            location=self.row(id),
            day=query["day"],
            length=get_appointment_length(find_services(query.get("services", []))),
            now=timezone.now(),
        )
        return JSONResponse({"available_slots": [slot._asdict() for slot in slots]})


urlpatterns = [*StaffAppointments.routes(), *StaffTechnicians.routes(), *StaffLocations.routes()]
