"""The staff API for templates of inspections, inspections and their findings."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Technician
from catalogue.pricing.models import CannedJob
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant, Word
from common.http.filters import IdFilter, SearchFilter, apply, order, query_of
from common.http.query import Query
from common.http.schema import FILE_VERSION, declare_headers
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from inspections import actions, templates
from inspections.api.findings import PDF, PHOTO, FindingSerializer, photo_response
from inspections.api.problems import ON_ESTIMATE, STARTED, UNRATED
from inspections.models import ADVISED, Finding, Inspection, Rating, Template
from inspections.papers.actions import inspection_paper
from repair_orders.api.shop_staff import StaffRepairOrders
from repair_orders.api.shop_staff_jobs import VersionInput
from repair_orders.models import RepairOrder
from repair_orders.papers.serving import pdf_response

BY_NAME = {"name": ("name",)}
ORDERING = {"id": ()}
_MOST_ITEMS = 200


# --- Templates --------------------------------------------------------------------------------------------


class TemplateItemSerializer(Serializer):
    id = Id(
        required=False, help_text="Of a stored item. Without it, one with the same group and name is kept."
    )
    group = serializers.CharField(max_length=60, allow_blank=True, required=False)
    name = serializers.CharField(max_length=200)
    unit = serializers.CharField(max_length=20, allow_blank=True, required=False, help_text="Of its value.")
    canned_job_id = Id(allow_null=True, required=False, help_text="The work that mends it.")


class TemplateSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100)
    is_listed = serializers.BooleanField(required=False)
    items = TemplateItemSerializer(many=True, max_length=_MOST_ITEMS, required=False)  # type: ignore[call-arg]  # of the list


class TemplateInput(TemplateSerializer):
    name = serializers.CharField(max_length=100, required=False)


class TemplateFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name.")
    is_listed = django_filters.BooleanFilter()

    class Meta:
        model = Template
        fields: list[str] = []


class StaffInspectionTemplates(StaffViewSet):
    """List the inspection templates with their items."""

    resource = "inspection-templates"
    model = Template
    serializer_class = TemplateSerializer
    query = query_of(TemplateFilter, BY_NAME)
    inputs = {"create": TemplateSerializer, "partial_update": TemplateInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Template]:
        return order(apply(Template.objects.all(), TemplateFilter, filters), BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add an inspection template."""
        return self.show(templates.save_template(Template(), **self._body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update an inspection template.

        `items` replace those that it has, in their order. An item that keeps its id keeps its recommendations.
        """
        templates.save_template(self.row(id), **self._body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove an inspection template.

        Inspections that were made with it stay.
        """
        templates.remove_template(self.row(id))
        return JSONResponse(status=204)

    def _body(self) -> Json:
        """Return the body. Raises Missing if an item names a canned job that does not exist."""
        body = self.read_body()
        ids = [item.get("canned_job_id") for item in body.get("items", ())]
        known = set(CannedJob.objects.filter(pk__in=filter(None, ids)).values_list("pk", flat=True))
        for number, pk in enumerate(ids):
            if pk is not None and pk not in known:
                raise Missing("Canned job not found.", field=f"items[{number}].canned_job_id")
        return body


# --- Inspections ------------------------------------------------------------------------------------------


class StaffFindingSerializer(FindingSerializer):
    item_id = serializers.IntegerField(allow_null=True, help_text="Null once the item was removed.")
    recommendation_id = serializers.IntegerField(
        allow_null=True, help_text="The recommendation that it has made or updated."
    )
    job_id = serializers.IntegerField(allow_null=True, help_text="Its job on the estimate.")


class InspectionSerializer(Serializer):
    id = serializers.IntegerField()
    repair_order_id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField(source="repair_order.vehicle_id")
    name = serializers.CharField()
    technician_id = serializers.IntegerField(allow_null=True)
    started_at = Instant()
    finished_at = Instant(allow_null=True)
    findings = StaffFindingSerializer(many=True)


class StartInput(Serializer):
    template_id = Id()
    technician_id = Id(
        required=False, allow_null=True, help_text="By default the technician whose login sends the request."
    )


class FindingInput(Serializer):
    rating = Word(choices=Rating.values, required=False, allow_null=True)
    value = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        help_text="What was measured, without the unit: a number if the item has one, such as 1.5 or 4.5/5.",
    )
    note = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True, help_text="The customer can read it."
    )
    photos = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        help_text="The ids of all its photos: those that it keeps, and new uploads of the caller.",
    )


class NewFindingInput(Serializer):
    name = serializers.CharField(max_length=200, help_text="What was found.")
    rating = Word(choices=ADVISED)
    note = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True, help_text="The customer can read it."
    )
    photos = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="The ids of uploads of the caller."
    )


class FinishInput(Serializer):
    anyway = serializers.BooleanField(required=False, help_text="Finish although items have no rating.")


class InspectionFilter(django_filters.FilterSet):
    repair_order_id = IdFilter(RepairOrder, "repair_order_id")

    class Meta:
        model = Inspection
        fields: list[str] = []


class StaffInspections(StaffViewSet):
    """List the inspections with their findings, newest first."""

    resource = "inspections"
    model = Inspection
    serializer_class = InspectionSerializer
    query = query_of(InspectionFilter, ORDERING)
    inputs = {
        "record": FindingInput,
        "add_finding": NewFindingInput,
        "finish": FinishInput,
        "add_to_estimate": VersionInput,
    }
    verbs = ("finish",)
    creates = frozenset({"add_finding", "add_to_estimate"})
    permissions = {
        **actions.PERMISSIONS,
        "photo": "inspections.view_inspection",
        "pdf": "inspections.view_inspection",
    }

    @classmethod
    def routes(cls) -> list[URLPattern]:
        finding = "<id:id>/findings/<id:finding_id>/"
        return [
            *super().routes(),
            cls.address("<id:id>/findings/", post="add_finding"),
            cls.address(finding, patch="record"),
            cls.address(f"{finding}add-to-estimate/", post="add_to_estimate"),
            cls.address("<id:id>/photos/<public_id:photo_id>/", get="photo"),
            cls.address("<id:id>/pdf/", get="pdf"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Inspection]:
        rows = apply(Inspection.objects.visible_to(caller), InspectionFilter, filters)
        return order(rows, ORDERING, filters, "-id")

    def finding(self, id: int, finding_id: int) -> Finding:
        """Return a finding of the inspection. Raises Missing."""
        rows = Finding.objects.select_related("inspection__repair_order", "item__canned_job")
        found = rows.filter(inspection=self.row(id), pk=finding_id).first()
        if found is None:
            raise Missing("Finding not found.")
        return found

    def record(self, request: Request, id: int, finding_id: int) -> JSONResponse:
        """Record a finding.

        Send what changes. A red or yellow rating recommends the work for the vehicle, and green takes that back.
        """
        actions.record_finding(
            finding=self.finding(id, finding_id),
            by=self.caller.user_id,
            now=timezone.now(),
            **self.read_body(partial=True),
        )
        return self.show(id)

    def add_finding(self, request: Request, id: int) -> JSONResponse:
        """Add what was found beside the items of the template.

        The work is recommended for the vehicle. The same name again records the finding that is there.
        """
        actions.add_finding(
            inspection=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id, status=201)

    @extend_schema(responses={201: InspectionSerializer, **ON_ESTIMATE})
    def add_to_estimate(self, request: Request, id: int, finding_id: int) -> JSONResponse:
        """Add a proposed job for a red or yellow finding to its repair order.

        It has the lines of the canned job that the item names, if it names one.
        """
        version = self.read_body().get("version")
        actions.add_to_estimate(
            finding=self.finding(id, finding_id),
            by=self.caller.user_id,
            now=timezone.now(),
            version=version,
        )
        return self.show(id, status=201)

    @extend_schema(responses={200: InspectionSerializer, **UNRATED})
    def finish(self, request: Request, id: int) -> JSONResponse:
        """Finish an inspection.

        The customer sees it from now on. Items without a rating are 409 `still_unrated`, unless `anyway` is true.
        """
        actions.finish_inspection(
            inspection=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id)

    @extend_schema(parameters=declare_headers([FILE_VERSION]), responses=PHOTO)
    def photo(self, request: Request, id: int, photo_id: UUID | None) -> HttpResponseBase:
        """Retrieve a photo of an inspection."""
        Query.read(request.query_params)
        return photo_response(request, self.row(id), photo_id)

    @extend_schema(responses=PDF)
    def pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve a finished inspection as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(inspection_paper(self.row(id), now=timezone.now()))


class StaffOrderInspections(StaffRepairOrders):
    """The inspections of a repair order, which its own room cannot offer, because it does not know this one."""

    inputs = {"start_inspection": StartInput}
    creates = frozenset({"start_inspection"})
    permissions = {"start_inspection": actions.PERMISSIONS["start_inspection"]}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("<id:id>/inspections/", post="start_inspection")]

    @extend_schema(responses={201: InspectionSerializer, **STARTED})
    def start_inspection(self, request: Request, id: int) -> JSONResponse:
        """Start an inspection of the vehicle of an open repair order, with the items of a template."""
        body = self.read_body()
        template = self.one_of(Template, body["template_id"], field="template_id")
        started = actions.start_inspection(
            order=self.row(id),
            template=template,
            technician=self._technician(body),
            by=self.caller.user_id,
            now=timezone.now(),
        )
        return JSONResponse(StaffInspections.read_one(self.caller, started.pk), status=201)

    def _technician(self, body: Json) -> Technician | None:
        """Return the technician that the body names, by default the one with the caller's login. Raises Missing."""
        if "technician_id" not in body:
            return Technician.objects.filter(user_id=self.caller.user_id).first()
        pk = body["technician_id"]
        return pk and self.one_of(Technician, pk, field="technician_id")


urlpatterns = [
    *StaffInspectionTemplates.routes(),
    *StaffInspections.routes(),
    *StaffOrderInspections.routes(),
]
