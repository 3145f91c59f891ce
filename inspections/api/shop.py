"""Contract 000's pattern: the customer's finished inspections."""

from __future__ import annotations

from django.db.models import QuerySet

from common.domain.caller import Caller
from common.http.contracts.shop import ShopCustomerList, ShopView
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


class CustomerInspections(ShopCustomerList):
    """List the finished inspections of the customer's vehicles, newest first."""

    query = InspectionsQuery
    serializer_class = CustomerInspectionSerializer

    @staticmethod
    def rows(caller: Caller, filters: InspectionFilters) -> QuerySet[Inspection]:
        return find_inspections(caller, filters)


class CustomerInspection(ShowInspection, ShopView):
    """Retrieve a finished inspection."""


class CustomerInspectionPhoto(ShowInspectionPhoto, ShopView):
    """Retrieve a photo of a finished inspection."""


class CustomerInspectionPdf(ShowInspectionPaper, ShopView):
    """Retrieve a finished inspection as PDF.

    It is set at the first request and never again.
    """


_MINE = "inspections/customers/me/inspections/"
urlpatterns = [
    route(_MINE, CustomerInspections.as_view()),
    route(f"{_MINE}<id:id>/", CustomerInspection.as_view()),
    route(f"{_MINE}<id:id>/photos/<public_id:photo_id>/", CustomerInspectionPhoto.as_view()),
    route(f"{_MINE}<id:id>/pdf/", CustomerInspectionPdf.as_view()),
]
