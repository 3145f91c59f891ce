"""Contract 003, service schedules: the regular work of the caller's vehicles, and when it is due."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView, missing
from common.http.fields import ChoiceList, Day, Instant, Miles, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import AskedAt, Derived
from vehicles.api.spellings import BothSpellings
from vehicles.queries import get_own_vehicle
from vehicles.schedules import actions
from vehicles.schedules.models import Priority, ServiceSchedule
from vehicles.schedules.querysets import STATUSES, ServiceScheduleQuerySet


class ScheduledWorkSerializer(BothSpellings):
    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    estimatedDuration = serializers.CharField(
        source="duration",
        allow_blank=True,
        help_text="How long the work takes, in free words, such as `30 to 45 minutes`.",
    )
    jobs = Derived(
        str.splitlines,
        "services",
        output=serializers.ListField(
            child=serializers.CharField(), help_text="Names of the bookable services of the work."
        ),
    )
    priority = serializers.ChoiceField(choices=Priority.values)


class ScheduleSerializer(BothSpellings):
    id = serializers.UUIDField(source="uuid")
    vehicle = serializers.UUIDField(source="vehicle.uuid")
    serviceType = ScheduledWorkSerializer(source="template", help_text="The regular work.")
    mileageTrigger = serializers.IntegerField(
        source="template.interval_miles", allow_null=True, help_text="Every so many miles."
    )
    timeTriggerMonths = serializers.IntegerField(
        source="template.interval_months", allow_null=True, help_text="Every so many months."
    )
    lastCompletedDate = serializers.DateField(source="last_on", allow_null=True)
    lastCompletedMileage = Miles(source="last_miles", allow_null=True)
    nextDueDate = serializers.DateField(source="due_on", allow_null=True)
    nextDueMileage = serializers.FloatField(source="due_miles", allow_null=True, help_text="Miles.")
    status = serializers.ChoiceField(choices=STATUSES)
    createdAt = Instant(source="created_at")


class CompletedInput(BothSpellings):
    completedDate = Day(source="on", required=False, help_text="Today if it is left out.")
    completedMileage = Miles(
        source="miles",
        required=False,
        allow_null=True,
        help_text="Those of the vehicle if they are left out.",
    )


class ScheduleQuery(ListQuery):
    vehicleId = PublicId(source="vehicle", required=False)
    vehicle_id = PublicId(source="vehicle", required=False, help_text="The same as `vehicleId`.")
    status = ChoiceList(STATUSES, help_text="Comma-separated.")
    now = AskedAt()


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")
    now = AskedAt()


def _schedules(caller: Caller, filters: Json) -> ServiceScheduleQuerySet[ServiceSchedule]:
    rows = ServiceSchedule.objects.visible_to(caller).offered().with_status(filters["now"]).in_order()
    if "uuid" in filters:
        rows = rows.filter(uuid=filters["uuid"])
    if "vehicle" in filters:
        rows = rows.filter(vehicle__uuid=filters["vehicle"])
    return rows.in_states(filters["status"]) if "status" in filters else rows


class Schedules(MemberList):
    """List the regular work of the caller's vehicles, what is due first first."""

    permission_classes = [CustomerRole]
    serializer_class = ScheduleSerializer
    query = ScheduleQuery
    rows = staticmethod(_schedules)

    def check(self, filters: Values) -> None:
        if "vehicle" in filters:
            get_own_vehicle(self.caller, filters["vehicle"])


class _OneSchedule(MemberView):
    permission_classes = [CustomerRole]
    read = Read(_schedules, ScheduleSerializer, params_of(_OneQuery))

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the schedule as it is stored now."""
        if id is None:
            raise missing(ServiceSchedule)
        filters = {"uuid": id, "now": timezone.now()}
        return JSONResponse(self.read.one(self.caller, filters, missing(ServiceSchedule)))


class OneSchedule(_OneSchedule):
    """Retrieve the schedule of some work of a vehicle."""

    @extend_schema(responses=ScheduleSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve the schedule of some work of a vehicle."""
        return self.show(id)


class CompleteSchedule(_OneSchedule):
    """Record that the work of a schedule was done."""

    input_class = CompletedInput

    @extend_schema(responses=ScheduleSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Record that the work was done elsewhere.

        Repair orders of the shop record their jobs by themselves.
        """
        schedule = self.one_of(ServiceSchedule, id)
        actions.record_service(schedule=schedule, now=timezone.now(), **self.read_body())
        return self.show(id)


urlpatterns = [
    route("services/schedules/", Schedules.as_view()),
    route("services/schedules/<public_id:id>/", OneSchedule.as_view()),
    route("services/schedules/<public_id:id>/complete/", CompleteSchedule.as_view()),
]
