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
from appointments.api.shop import AppointmentQuery as OwnQuery
from appointments.api.shop import (
    AppointmentSerializer,
    BookingInput,
    CustomerAppointments,
    SlotSerializer,
    TechnicianSerializer,
    book,
)
from appointments.logos import MAX_LOGO_BYTES, save_uploaded_logo
from appointments.models import Appointment, AppointmentStatus, Bay, Location, PaperSize, Technician
from appointments.queries import find_services, get_available_slots, get_length_to_book
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json
from common.domain.units import Units
from common.http.bodies import JSONResponse
from common.http.contracts.shop import StaffError
from common.http.fields import Day, Id, Instant, LocalInstant, TextList, Word
from common.http.filters import ChoiceListFilter, IdFilter, SearchFilter, apply, order, query_of
from common.http.inputs import AliasSerializer
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from customers.api.shop import OwnList, OwnListQuery
from customers.models import Customer
from vehicles.api.shop_staff import work_search_filter
from vehicles.models import Vehicle

ORDERING = {"start": ("start",), "created": ("created_at",)}
BY_NAME = {"name": ("name",)}


class AppointmentRowSerializer(AppointmentSerializer):
    """The appointment of contract 000, the fields that only staff see, and the names of the staff's bodies."""

    technician_id = serializers.IntegerField(allow_null=True)
    location_id = serializers.IntegerField()
    bay_id = serializers.IntegerField()
    start = Instant()
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
    unassigned = django_filters.BooleanFilter(
        "technician", "isnull", help_text="Whether they are without a technician."
    )
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


class Availability(Serializer):
    available_slots = SlotSerializer(many=True, help_text="The free slots of the day, earliest first.")


class SlotTakenError(StaffError):
    """The 409 of booking and moving. Only a taken slot has alternatives."""

    alternatives = SlotSerializer(
        many=True, required=False, help_text="The next free slots, at most three, if the slot is taken."
    )


MOVE_REFUSED = OpenApiResponse(
    SlotTakenError,
    description="The slot is taken, the vehicle or the technician has another appointment then, the technician is "
    "away, or the appointment is not pending.",
)
SLOT_TAKEN = OpenApiResponse(
    SlotTakenError,
    description="The slot is taken, the vehicle or the technician has another appointment then, or the technician is "
    "away.",
)


class FreeBaySerializer(Serializer):
    bay_id = serializers.IntegerField()
    bay = serializers.CharField(help_text="Name of the bay.")
    start = Instant(help_text="When the bay becomes free.")


class NoFreeBayError(StaffError):
    next_free = FreeBaySerializer(
        required=False,
        allow_null=True,
        help_text="The first bay that becomes free for that length, and when.",
    )


class BaySerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class BayOccupiedError(StaffError):
    free_bays = BaySerializer(
        many=True, required=False, help_text="The bays that are free now for the length of the appointment."
    )


NO_FREE_BAY = OpenApiResponse(
    NoFreeBayError,
    description="No bay is free from now on, the vehicle or the technician has another appointment, or the technician "
    "is away.",
)
BAY_OCCUPIED = OpenApiResponse(
    BayOccupiedError, description="Another vehicle is in the bay, or the appointment cannot start."
)


class OverlapInput(AliasSerializer):
    allow_overlap = serializers.BooleanField(
        required=False,
        help_text="Let the technician have another appointment at that time or be away, and the location have more "
        "appointments than technicians at work.",
    )


class MoveInput(OverlapInput):
    """Time, place, vehicle and services. What is not sent stays."""

    aliases = {"date": "start"}

    vehicle_id = Id(required=False)
    location_id = Id(required=False)
    bay_id = Id(required=False, help_text="A bay of the location. Without it any free bay is taken.")
    start = LocalInstant(required=False, help_text="Without a time zone it is the location's local time.")
    date = LocalInstant(source="start", required=False, help_text="`start` under the name of the row.")
    services = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=50,
        help_text="Codes or names.",
    )


class AppointmentInput(MoveInput):
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class NewAppointmentInput(AppointmentInput):
    aliases = {"date": "start", "assigned_technician_id": "technician_id"}
    needed = ("start",)

    customer_id = Id()
    vehicle_id = Id()
    location_id = Id()
    technician_id = Id(required=False, allow_null=True)
    assigned_technician_id = Id(
        source="technician_id",
        required=False,
        allow_null=True,
        help_text="`technician_id` under the name of the row.",
    )


class WalkInInput(AliasSerializer):
    vehicle_id = Id()
    location_id = Id()
    bay_id = Id(required=False, help_text="A bay of the location. Without it any free bay is taken.")
    technician_id = Id(required=False, allow_null=True)
    services = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=50,
        help_text="Codes or names.",
    )
    minutes = serializers.IntegerField(
        required=False,
        min_value=5,
        max_value=24 * 60,
        help_text="The length without services. Left out, it is 30 minutes.",
    )
    allow_overlap = serializers.BooleanField(
        required=False, help_text="Let the technician have another appointment now, or be away."
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class AssignInput(OverlapInput):
    aliases = {"assigned_technician_id": "technician_id"}
    needed = ("technician_id",)

    technician_id = Id(required=False)
    assigned_technician_id = Id(
        source="technician_id", required=False, help_text="`technician_id` under the name of the row."
    )


class OwnAppointmentQuery(OwnListQuery, OwnQuery):
    """The contract's parameters with those of the staff's address."""


class OwnAppointments(OwnList, CustomerAppointments):
    """The list of a customer at the staff's address."""

    query = OwnAppointmentQuery


class StaffAppointments(StaffViewSet):
    """List the appointments of all customers, earliest first.

    A customer gets the response of `GET /api/shop/appointments/customers/me/appointments/`.
    """

    resource = "appointments"
    model = Appointment
    serializer_class = AppointmentRowSerializer
    query = AppointmentQuery
    inputs = {
        "create": NewAppointmentInput,
        "book": BookingInput,
        "partial_update": AppointmentInput,
        "assign": AssignInput,
        "move": MoveInput,
        "walk_in": WalkInInput,
    }
    creates = frozenset({"create", "walk_in"})
    verbs = ("assign", "move", "start", "complete", "cancel")
    permissions = actions.PERMISSIONS
    customer_actions = {"create": "book", "list": "list_own"}
    own_list = OwnAppointments

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("walk-in/", post="walk_in"), *super().routes()]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Appointment]:
        days = {name: filters[name] for name in ("date_from", "date_to") if name in filters}
        rows = Appointment.objects.visible_to(caller).matching(AppointmentFilters(**days))  # type: ignore[typeddict-item]
        return order(apply(rows, AppointmentFilter, filters), ORDERING, filters, "start")

    @extend_schema(responses={201: AppointmentRowSerializer, 409: SLOT_TAKEN})
    def create(self, request: Request) -> JSONResponse:
        """Book an appointment for a customer.

        The request of a customer is `POST /api/shop/appointments/customers/me/appointments/`, with the body and the
        response of contract 000.
        """
        body = self.read_body()
        technician_id = body.pop("technician_id", None)
        appointment = actions.book_appointment(
            customer=self.one_of(Customer, body.pop("customer_id"), field="customer_id"),
            **{"services": (), **self._named(body)},
            technician=technician_id and self.one_of(Technician, technician_id, field="technician_id"),
            by_staff=True,
            now=timezone.now(),
        )
        return self.show(appointment.pk, status=201)

    def book(self, request: Request) -> JSONResponse:
        """Book an appointment for oneself, as a customer."""
        return book(self)

    @extend_schema(responses={201: AppointmentRowSerializer, 409: NO_FREE_BAY})
    def walk_in(self, request: Request) -> JSONResponse:
        """Book a vehicle that is here, from now on.

        The appointment begins now, at any minute and also outside of the opening hours, in a bay that is free
        throughout. Its customer is the vehicle's.
        """
        body = self._named(self.read_body())
        technician_id = body.pop("technician_id", None)
        appointment = actions.walk_in(
            customer=body["vehicle"].customer,
            **body,
            technician=technician_id and self.one_of(Technician, technician_id, field="technician_id"),
            by=self.caller.user_id,
            now=timezone.now(),
        )
        return self.show(appointment.pk, status=201)

    @extend_schema(responses={200: AppointmentRowSerializer, 409: MOVE_REFUSED})
    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Move an appointment or change its texts.

        Texts can change in any state. The other fields can change while the appointment is pending.
        """
        body = self._named(self.read_body())
        actions.change_appointment(appointment=self.row(id), now=timezone.now(), **body)
        return self.show(id)

    @extend_schema(responses={200: AppointmentRowSerializer, 409: MOVE_REFUSED})
    def move(self, request: Request, id: int) -> JSONResponse:
        """Move an appointment to another time, place, vehicle or other services.

        The appointment must be pending. It keeps its bay if that bay is free.
        """
        body = self.read_body()
        if not body.keys() - {"allow_overlap"}:
            raise serializers.ValidationError({"start": ["Send at least one value that changes."]})
        actions.move_appointment(
            appointment=self.row(id), by_staff=True, now=timezone.now(), **self._named(body)
        )
        return self.show(id)

    def _named(self, body: Json) -> Json:
        """Return the body with the rows that its ids and names stand for."""
        for name, model in (("vehicle", Vehicle), ("location", Location), ("bay", Bay)):
            if f"{name}_id" in body:
                body[name] = self.one_of(model, body.pop(f"{name}_id"), field=f"{name}_id")
        if "services" in body:
            body["services"] = find_services(body["services"])
        return body

    def assign(self, request: Request, id: int) -> JSONResponse:
        """Assign a technician.

        The appointment must be pending or in progress. With `allow_overlap` the technician may have another
        appointment at that time, or be away.
        """
        body = self.read_body()
        actions.assign_technician(
            appointment=self.row(id),
            technician=self.one_of(Technician, body.pop("technician_id"), field="technician_id"),
            by=self.caller.user_id,
            now=timezone.now(),
            **body,
        )
        return self.show(id)

    @extend_schema(responses={200: AppointmentRowSerializer, 409: BAY_OCCUPIED})
    def start(self, request: Request, id: int) -> JSONResponse:
        """Start an appointment.

        The appointment must have a technician, and its bay must be free of other work.
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
    search = SearchFilter("", help_text="Searches the name and the email address.")
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
    email = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField()
    is_default = serializers.BooleanField()
    legal_name = serializers.CharField(allow_blank=True)
    registration_number = serializers.CharField(allow_blank=True)
    tax_id = serializers.CharField(allow_blank=True)
    terms = serializers.CharField(allow_blank=True)
    paper_size = serializers.ChoiceField(
        choices=PaperSize.choices, help_text="Of estimates and other papers."
    )
    logo_digest = serializers.CharField(
        source="logo_id",
        allow_null=True,
        help_text="SHA-256 of the logo that papers print, in hexadecimal. Null without one.",
    )
    allows_percent_fees = serializers.BooleanField()
    units = serializers.ChoiceField(choices=Units.choices)
    bays = Derived(
        list,
        "bays.name",
        output=serializers.ListField(child=serializers.CharField(), help_text="The names of the bays."),
    )


class LocationInput(Serializer):
    """The names and the identity of a location. Its time zone, hours and bays change in the admin."""

    name = serializers.CharField(max_length=120, required=False)
    address = serializers.CharField(max_length=250, required=False)
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    is_default = serializers.BooleanField(
        required=False,
        help_text="Orders without a location and without an appointment are of the default one.",
    )
    legal_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    registration_number = serializers.CharField(max_length=50, required=False, allow_blank=True)
    tax_id = serializers.CharField(max_length=50, required=False, allow_blank=True)
    terms = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    paper_size = Word(choices=PaperSize.values, required=False, help_text="Of estimates and other papers.")
    logo_file_id = serializers.UUIDField(
        source="logo",
        required=False,
        allow_null=True,
        help_text="Id of an upload with the logo that papers print from now on: PNG or JPEG of at most "
        f"{MAX_LOGO_BYTES:,} bytes. Null removes the logo.",
    )
    allows_percent_fees = serializers.BooleanField(
        required=False, help_text="Off: fees that are a percentage are not charged here."
    )
    units = Word(
        choices=Units.values,
        required=False,
        help_text="Of distances on pages and papers. Numbers here stay miles.",
    )


class LocationFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Searches the name and the address.")

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
    appointment_id = Id(required=False, help_text="An appointment that is to move. It does not block itself.")


class StaffLocations(StaffViewSet):
    """List locations."""

    resource = "locations"
    model = Location
    serializer_class = LocationRowSerializer
    query = query_of(LocationFilter, BY_NAME)
    inputs = {"availability": AvailabilityQuery, "partial_update": LocationInput}
    permissions = {"availability": "appointments.view_location"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [*super().routes(), cls.address("<id:id>/availability/", get="availability")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Location]:
        return order(apply(Location.objects.all(), LocationFilter, filters), BY_NAME, filters, "name")

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a location.

        `is_default: true` takes the default from the present one.
        """
        location, body = self.row(id), self.read_body()
        if body.get("logo") is not None:
            body["logo"] = save_uploaded_logo(body["logo"], caller=self.caller)
        actions.save_location(location, **body)
        return self.show(id)

    @extend_schema(responses=Availability)
    def availability(self, request: Request, id: int) -> JSONResponse:
        """List the free slots of a day."""
        query = AvailabilityQuery.read(request.query_params)
        moving = None
        if "appointment_id" in query:
            moving = self.one_of(Appointment, query["appointment_id"], field="appointment_id")
        slots = get_available_slots(
            location=self.row(id),
            day=query["day"],
            length=get_length_to_book(query.get("services", []), moving),
            now=timezone.now(),
            ignoring=moving,
        )
        return JSONResponse({"available_slots": [slot._asdict() for slot in slots]})


urlpatterns = [*StaffAppointments.routes(), *StaffTechnicians.routes(), *StaffLocations.routes()]
