"""The staff API: technicians' clocks, and the time entries that they write."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.api.shop_staff import StaffTechnicians
from appointments.models import Technician
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.shop import StaffError
from common.http.fields import Day, Id, Instant
from common.http.filters import IdFilter, apply, order, query_of
from common.http.permissions import role_permissions
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from repair_orders import clock
from repair_orders.models import Job, RepairOrder
from repair_orders.time_entries import actions
from repair_orders.time_entries.models import TimeEntry, hours_of
from repair_orders.time_entries.querysets import TimeEntryFilters

ORDERING = {"started": ("started",)}


class TimeEntrySerializer(Serializer):
    id = serializers.IntegerField()
    technician_id = serializers.IntegerField()
    technician = serializers.CharField(source="technician.name")
    job_id = serializers.IntegerField()
    job = serializers.CharField(source="job.name")
    repair_order_id = serializers.IntegerField(source="job.repair_order_id")
    started = Instant()
    ended = Instant(allow_null=True)
    hours = Derived(
        hours_of,
        "started",
        "ended",
        output=serializers.DecimalField(max_digits=8, decimal_places=2, allow_null=True),
    )


class TimeEntryFilter(django_filters.FilterSet):
    technician_id = IdFilter(Technician, "technician_id")
    job_id = IdFilter(Job, "job_id")
    repair_order_id = IdFilter(RepairOrder, "job__repair_order_id")
    running = django_filters.BooleanFilter("ended", "isnull", help_text="Whether the clock is still running.")

    class Meta:
        model = TimeEntry
        fields: list[str] = []


class TimeEntryQuery(query_of(TimeEntryFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    date_from = Day(required=False, help_text="First day at the order's location, inclusive.")
    date_to = Day(required=False, help_text="Last day at the order's location, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "date_from", "date_to")
        return attrs


class TimeEntryInput(Serializer):
    """The right times, and why the entry was wrong."""

    started = Instant(required=False)
    ended = Instant(required=False, help_text="Stops a running clock.")
    reason = serializers.CharField(max_length=80)

    def validate(self, attrs: Json) -> Json:
        if not attrs.keys() & {"started", "ended"}:
            raise serializers.ValidationError({"started": ["Send at least one value that changes."]})
        return attrs


class StaffTimeEntries(StaffViewSet):
    """List the time that technicians worked on jobs, newest first."""

    resource = "time-entries"
    model = TimeEntry
    serializer_class = TimeEntrySerializer
    query = TimeEntryQuery
    inputs = {"partial_update": TimeEntryInput}
    permissions = {"partial_update": actions.PERMISSIONS["correct"]}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[TimeEntry]:
        days = {name: filters[name] for name in ("date_from", "date_to") if name in filters}
        rows = TimeEntry.objects.visible_to(caller).matching(cast("TimeEntryFilters", days))
        return order(apply(rows, TimeEntryFilter, filters), ORDERING, filters, "-started")

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Correct the times of an entry.

        The history keeps what it was and the reason.
        """
        actions.correct_entry(
            entry=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id)


class ClockInInput(Serializer):
    job_id = Id()
    switch = serializers.BooleanField(required=False, help_text="Stop the running clock first.")


class ClockError(StaffError):
    """The 409 of a clock. Only `clock_is_running` names the job."""

    time_entry_id = serializers.IntegerField(required=False, help_text="Id of the running entry.")
    job_id = serializers.IntegerField(required=False)
    job = serializers.CharField(required=False)
    repair_order_id = serializers.IntegerField(required=False)
    started = serializers.DateTimeField(required=False)


CLOCK_REFUSED = OpenApiResponse(
    ClockError, description="The clock runs on another job, or does not run, or the job is not approved."
)


class StaffClocks(StaffTechnicians):
    """The clocks of technicians, which their own room cannot offer, because it does not know jobs."""

    inputs: ClassVar[dict[str, Any]] = {"clock_in": ClockInInput}
    creates = frozenset({"clock_in"})
    permissions = actions.PERMISSIONS

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/clock-in/", post="clock_in"),
            cls.address("<id:id>/clock-out/", post="clock_out"),
        ]

    def technician(self, id: int) -> Technician:
        """Return the technician of the URL, whose clock the caller may move. Raises Missing, OwnClockOnly."""
        technician: Technician = self.row(id)
        may_clock_others = actions.PERMISSIONS["clock_others"] in role_permissions()[self.caller.role]
        clock.check_clock(
            technician=technician, user_id=self.caller.user_id, may_clock_others=may_clock_others
        )
        return technician

    @extend_schema(responses={201: TimeEntrySerializer, 409: CLOCK_REFUSED})
    def clock_in(self, request: Request, id: int) -> JSONResponse:
        """Start the clock of a technician on a job.

        Technicians may start their own clock only. The work of an approved order starts with it. A clock that runs on
        another job is a 409, unless `switch` is true.
        """
        technician, body = self.technician(id), self.read_body()
        job = self.one_of(Job, body.pop("job_id"), field="job_id")
        entry = clock.clock_in(
            technician=technician, job=job, by=self.caller.user_id, now=timezone.now(), **body
        )
        return JSONResponse(StaffTimeEntries.read_one(self.caller, entry.pk), status=201)

    @extend_schema(responses={200: TimeEntrySerializer, 409: CLOCK_REFUSED})
    def clock_out(self, request: Request, id: int) -> JSONResponse:
        """Stop the running clock of a technician.

        Technicians may stop their own clock only.
        """
        entry = clock.clock_out(technician=self.technician(id), by=self.caller.user_id, now=timezone.now())
        return JSONResponse(StaffTimeEntries.read_one(self.caller, entry.pk))


urlpatterns = [*StaffClocks.routes(), *StaffTimeEntries.routes()]
