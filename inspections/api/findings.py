"""Bodies of inspections and findings that the staff's API and the customers' routes share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.schema import FILE_VERSION, declare_headers
from common.http.views import ContractView
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from files.api.serving import upload_response
from inspections.models import PHOTO_TYPES, Inspection, Rating
from inspections.papers.actions import inspection_paper
from inspections.queries import get_inspection, get_photo
from repair_orders.papers.serving import pdf_response

PHOTO: dict[Any, Any] = {
    **{(200, kind): OpenApiTypes.BINARY for kind in PHOTO_TYPES},
    304: OpenApiResponse(description="The client has the photo already."),
}
PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}
# A photo never changes. A shared cache may not keep it.
_CACHE = "private, max-age=86400, immutable"


class FindingSerializer(Serializer):
    """What was found about an item."""

    id = serializers.IntegerField()
    group = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    rating = serializers.ChoiceField(choices=Rating.choices, allow_null=True, help_text="Null: not rated.")
    value = serializers.CharField(allow_blank=True)
    unit = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    photos = Derived(
        list,
        "photos.upload.uuid",
        output=serializers.ListField(child=serializers.UUIDField(), help_text="The ids of the photos."),
    )


class CustomerInspectionSerializer(Serializer):
    """A finished inspection, as the customer sees it."""

    id = serializers.IntegerField()
    repair_order_id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField(source="repair_order.vehicle_id")
    name = serializers.CharField()
    started_at = Instant()
    finished_at = Instant()
    findings = FindingSerializer(many=True)


class InspectionsQuery(ListQuery):
    repair_order_id = Id(required=False)


def photo_response(request: Request, inspection: Inspection, photo_id: UUID | None) -> HttpResponseBase:
    """Return a photo of an inspection from either store. Raises Missing."""
    return upload_response(request._request, get_photo(inspection, photo_id), cache=_CACHE)


# --- Views, without a contract ----------------------------------------------------------------------------


class _ById(Query):
    id = Id()


def _one(caller: Caller, filters: Json) -> QuerySet[Inspection]:
    return Inspection.objects.visible_to(caller).filter(pk=filters["id"]).order_by("id")


_INSPECTION = Read(_one, CustomerInspectionSerializer, params_of(_ById))


class OwnInspectionView(ContractView):
    """A view of one finished inspection of the caller's customer. Those of others are 404."""

    permission_classes = [CustomersOnly]

    def inspection(self, request: Request, id: int) -> Inspection:
        Query.read(request.query_params)
        return get_inspection(self.caller, id)


class ShowInspection(OwnInspectionView):
    @extend_schema(responses=CustomerInspectionSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        Query.read(request.query_params)
        return JSONResponse(_INSPECTION.one(self.caller, {"id": id}, Missing("Inspection not found.")))


class ShowInspectionPhoto(OwnInspectionView):
    @extend_schema(parameters=declare_headers([FILE_VERSION]), responses=PHOTO)
    def get(self, request: Request, id: int, photo_id: UUID | None) -> HttpResponseBase:
        return photo_response(request, self.inspection(request, id), photo_id)


class ShowInspectionPaper(OwnInspectionView):
    @extend_schema(responses=PDF)
    def get(self, request: Request, id: int) -> HttpResponse:
        return pdf_response(inspection_paper(self.inspection(request, id), now=timezone.now()))
