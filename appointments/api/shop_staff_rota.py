"""The staff API: shifts and absences of technicians."""

from __future__ import annotations

from datetime import time
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from appointments import rota
from appointments.models import Absence, Location, Shift, Technician, Weekday
from appointments.slots import MIDNIGHT, format_closing
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Word
from common.http.filters import IdFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer

WEEKDAYS = [day.name.lower() for day in Weekday]


@extend_schema_field({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"})
class LocalTime(serializers.TimeField):
    """A local time of the technician's location, such as 08:00."""

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **options)


class ClosingTime(LocalTime):
    """A local time at which hours end. 24:00 is the end of the day."""

    def to_internal_value(self, value: Any) -> time:
        if value in ("24:00", "24:00:00"):
            return MIDNIGHT
        return super().to_internal_value(value)


def format_time(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"


def format_end(at: time | None) -> str | None:
    return None if at is None else format_closing(at)


class _RotaViewSet(StaffViewSet):
    """A noun whose rows are of one technician."""

    def body(self) -> Json:
        body = self.read_body()
        if "technician_id" in body:
            technician_id = body.pop("technician_id")
            body["technician"] = self.one_of(Technician, technician_id, field="technician_id")
        return body


class ShiftSerializer(Serializer):
    id = serializers.IntegerField()
    technician_id = serializers.IntegerField()
    weekday = Derived(WEEKDAYS.__getitem__, "weekday", output=serializers.ChoiceField(choices=WEEKDAYS))
    begins = Derived(format_time, "begins", output=serializers.CharField())
    ends = Derived(format_end, "ends", output=serializers.CharField())


class ShiftInput(Serializer):
    weekday = Word(choices=WEEKDAYS, required=False)
    begins = LocalTime(required=False, help_text="Local time of the technician's location.")
    ends = ClosingTime(required=False, help_text="24:00 is the end of the day.")

    def validate_weekday(self, name: str) -> int:
        """Return the stored number."""
        return WEEKDAYS.index(name)


class NewShiftInput(ShiftInput):
    technician_id = Id()
    weekday = Word(choices=WEEKDAYS)
    begins = LocalTime(help_text="Local time of the technician's location.")
    ends = ClosingTime(help_text="24:00 is the end of the day.")


class ShiftFilter(django_filters.FilterSet):
    technician_id = IdFilter(Technician, "technician_id")
    location_id = IdFilter(Location, "technician__location_id")

    class Meta:
        model = Shift
        fields: list[str] = []


BY_WEEKDAY = {"weekday": ("weekday", "begins")}


class StaffShifts(_RotaViewSet):
    """List the shifts of technicians, Monday first.

    The shifts of a location bound the starts that can be booked there.
    """

    resource = "shifts"
    model = Shift
    serializer_class = ShiftSerializer
    query = query_of(ShiftFilter, BY_WEEKDAY)
    inputs = {"create": NewShiftInput, "partial_update": ShiftInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Shift]:
        rows = apply(Shift.objects.visible_to(caller), ShiftFilter, filters)
        return order(rows, BY_WEEKDAY, filters, "weekday")

    def create(self, request: Request) -> JSONResponse:
        """Add a shift of a technician.

        From the first shift at a location on, its bookings are bounded by the technicians on shift.
        """
        return self.show(rota.save_shift(Shift(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a shift."""
        rota.save_shift(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a shift."""
        rota.remove_shift(self.row(id))
        return JSONResponse(status=204)


class AbsenceSerializer(Serializer):
    id = serializers.IntegerField()
    technician_id = serializers.IntegerField()
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    begins = Derived(format_time, "begins", output=serializers.CharField(allow_null=True))
    ends = Derived(format_end, "ends", output=serializers.CharField(allow_null=True))
    reason = serializers.CharField(allow_blank=True)


class AbsenceInput(Serializer):
    first_day = Day(required=False)
    last_day = Day(required=False, help_text="The first day, if it is left out.")
    begins = LocalTime(
        required=False, allow_null=True, help_text="On each of the days. Null with `ends` for whole days."
    )
    ends = ClosingTime(required=False, allow_null=True, help_text="24:00 is the end of the day.")
    reason = serializers.CharField(required=False, allow_blank=True, max_length=200)


class NewAbsenceInput(AbsenceInput):
    technician_id = Id()
    first_day = Day()


class AbsenceFilter(django_filters.FilterSet):
    technician_id = IdFilter(Technician, "technician_id")
    location_id = IdFilter(Location, "technician__location_id")

    class Meta:
        model = Absence
        fields: list[str] = []


BY_DAY = {"first_day": ("first_day",)}


class AbsenceQuery(query_of(AbsenceFilter, BY_DAY)):  # type: ignore[misc]  # made from declarations
    date_from = Day(required=False, help_text="Absences that end on this day or later.")
    date_to = Day(required=False, help_text="Absences that begin on this day or earlier.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "date_from", "date_to")
        return attrs


class StaffAbsences(_RotaViewSet):
    """List the absences of technicians, earliest first."""

    resource = "absences"
    model = Absence
    serializer_class = AbsenceSerializer
    query = AbsenceQuery
    inputs = {"create": NewAbsenceInput, "partial_update": AbsenceInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Absence]:
        rows = apply(Absence.objects.visible_to(caller), AbsenceFilter, filters)
        if "date_from" in filters:
            rows = rows.filter(last_day__gte=filters["date_from"])
        if "date_to" in filters:
            rows = rows.filter(first_day__lte=filters["date_to"])
        return order(rows, BY_DAY, filters, "first_day")

    def create(self, request: Request) -> JSONResponse:
        """Record an absence of a technician.

        Appointments that are assigned already stay with the technician.
        """
        return self.show(rota.save_absence(Absence(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update an absence."""
        rota.save_absence(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove an absence."""
        rota.remove_absence(self.row(id))
        return JSONResponse(status=204)


urlpatterns = [*StaffShifts.routes(), *StaffAbsences.routes()]
