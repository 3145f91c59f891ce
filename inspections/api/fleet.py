"""Contract 001: the finished inspections of the fleet's vehicles."""

from __future__ import annotations

from django.db.models import QuerySet

from common.domain.caller import Caller
from common.http.contracts.fleet import FleetList, FleetView
from common.http.permissions import CustomersOnly
from common.http.routing import route
from inspections.api.findings import (
    CustomerInspectionSerializer,
    InspectionsQuery,
    ShowInspection,
    ShowInspectionPaper,
    ShowInspectionPhoto,
)
from inspections.models import Inspection
from inspections.queries import InspectionFilters, find_inspections


class Inspections(FleetList):
    """List the finished inspections of the fleet's vehicles, newest first."""

    permission_classes = [CustomersOnly]
    query = InspectionsQuery
    serializer_class = CustomerInspectionSerializer

    @staticmethod
    def rows(caller: Caller, filters: InspectionFilters) -> QuerySet[Inspection]:
        return find_inspections(caller, filters)


class OneInspection(ShowInspection, FleetView):
    """Retrieve a finished inspection."""


class InspectionPhoto(ShowInspectionPhoto, FleetView):
    """Retrieve a photo of a finished inspection."""


class InspectionPdf(ShowInspectionPaper, FleetView):
    """Retrieve a finished inspection as PDF.

    It is set at the first request and never again.
    """


urlpatterns = [
    route("inspections/", Inspections.as_view()),
    route("inspections/<id:id>/", OneInspection.as_view()),
    route("inspections/<id:id>/photos/<public_id:photo_id>/", InspectionPhoto.as_view()),
    route("inspections/<id:id>/pdf/", InspectionPdf.as_view()),
]
