"""The staff API: templates of regular work, and the schedules of vehicles (docs/design, D131)."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from catalogue.pricing.models import CannedJob
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Instant, Word
from common.http.filters import IdFilter, SearchFilter, apply, order, query_of
from common.http.viewsets import ItemQuery, StaffViewSet
from common.reads.serializers import AskedAt, Serializer
from vehicles.api.shop_staff_recommendations import (
    RecommendationSerializer,
    StaffRecommendations,
    miles_or_null,
)
from vehicles.models import Vehicle
from vehicles.schedules import actions
from vehicles.schedules.models import (
    MOST_INTERVAL_MILES,
    MOST_INTERVAL_MONTHS,
    Priority,
    ScheduleTemplate,
    ServiceSchedule,
)
from vehicles.schedules.querysets import STATUSES

BY_NAME = {"name": ("name",)}
BY_ID = {"id": ()}


class ScheduleTemplateSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    priority = Word(choices=Priority.choices, required=False)
    duration = serializers.CharField(
        max_length=50, allow_blank=True, required=False, help_text="Such as: 30 to 45 minutes."
    )
    services = serializers.CharField(
        max_length=10_000,
        allow_blank=True,
        required=False,
        help_text="Names of bookable services, one a line.",
    )
    interval_miles = serializers.IntegerField(
        min_value=1, max_value=MOST_INTERVAL_MILES, allow_null=True, required=False
    )
    interval_months = serializers.IntegerField(
        min_value=1, max_value=MOST_INTERVAL_MONTHS, allow_null=True, required=False
    )
    canned_job_id = Id(allow_null=True, required=False, help_text="The job that does the work.")
    is_listed = serializers.BooleanField(required=False)


class ScheduleTemplateInput(ScheduleTemplateSerializer):
    name = serializers.CharField(max_length=100, required=False)


class ScheduleTemplateFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name.")

    class Meta:
        model = ScheduleTemplate
        fields = ["is_listed"]


class StaffScheduleTemplates(StaffViewSet):
    """List the templates of regular work, which vehicles have schedules of."""

    resource = "schedule-templates"
    model = ScheduleTemplate
    serializer_class = ScheduleTemplateSerializer
    query = query_of(ScheduleTemplateFilter, BY_NAME)
    inputs = {"create": ScheduleTemplateSerializer, "partial_update": ScheduleTemplateInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ScheduleTemplate]:
        rows = apply(ScheduleTemplate.objects.all(), ScheduleTemplateFilter, filters)
        return order(rows, BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a template, with an interval in miles, in months or both.

        Its schedules begin in the background, for every vehicle in use.
        """
        return self.show(self._saved(ScheduleTemplate()), status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a template.

        The schedules of its vehicles follow a changed interval in the background.
        """
        return self.show(self._saved(self.row(id)))

    def _saved(self, template: ScheduleTemplate) -> int:
        values = self.read_body()
        if values.get("canned_job_id") is not None:
            self.one_of(CannedJob, values["canned_job_id"], field="canned_job_id")
        return actions.save_template(template, **values).pk


class ServiceScheduleSerializer(Serializer):
    """Regular work of a vehicle, and when it is due. Days are those of the shop's time zone."""

    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    template_id = serializers.IntegerField()
    name = serializers.CharField(source="template.name")
    priority = serializers.ChoiceField(source="template.priority", choices=Priority.choices)
    last_on = serializers.DateField(allow_null=True)
    last_miles = miles_or_null()
    due_on = serializers.DateField(allow_null=True)
    due_miles = miles_or_null()
    status = serializers.ChoiceField(choices=STATUSES)
    created_at = Instant()


class ServiceDoneInput(Serializer):
    on = Day(required=False, help_text="Today if it is left out.")
    miles = miles_or_null(min_value=0, required=False)


class ServiceScheduleFilter(django_filters.FilterSet):
    vehicle_id = IdFilter(Vehicle, "vehicle_id")

    class Meta:
        model = ServiceSchedule
        fields: list[str] = []


class ServiceScheduleQuery(query_of(ServiceScheduleFilter, BY_ID)):  # type: ignore[misc]  # made from declarations
    now = AskedAt()


class _OneSchedule(ItemQuery):
    now = AskedAt()


class StaffServiceSchedules(StaffViewSet):
    """List the regular work of vehicles, and when it is due."""

    resource = "service-schedules"
    model = ServiceSchedule
    serializer_class = ServiceScheduleSerializer
    query = ServiceScheduleQuery
    item_query = _OneSchedule
    inputs = {"complete": ServiceDoneInput}
    verbs = ("complete", "recommend")
    permissions = actions.PERMISSIONS
    creates = frozenset({"recommend"})

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ServiceSchedule]:
        rows = ServiceSchedule.objects.visible_to(caller).offered().with_status(filters["now"])
        return order(apply(rows, ServiceScheduleFilter, filters), BY_ID, filters, "id")

    def complete(self, request: Request, id: int) -> JSONResponse:
        """Record that the work was done, today or on an earlier day, here or elsewhere.

        Without `miles` they are those of the vehicle today. Repair orders record their jobs by themselves.
        """
        actions.record_service(schedule=self.row(id), now=timezone.now(), **self.read_body())
        return self.show(id)

    @extend_schema(responses={201: RecommendationSerializer})
    def recommend(self, request: Request, id: int) -> JSONResponse:
        """Recommend the work for the vehicle, and return the recommendation.

        One that stands for the same work is returned as it is.
        """
        row = actions.recommend_due(schedule=self.row(id))
        return JSONResponse(StaffRecommendations.read_one(self.caller, row.pk), status=201)


urlpatterns = [*StaffScheduleTemplates.routes(), *StaffServiceSchedules.routes()]
