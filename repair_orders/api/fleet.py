"""Contract 001: the data of the charts, and repairs."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.days import day_of
from common.domain.errors import Missing
from common.domain.types import Values
from common.http.bodies import JSONResponse
from common.http.contracts.fleet import FleetList, FleetView
from common.http.fields import ChoiceList, Id, Money, Month
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers.models import Customer
from repair_orders import actions, figures
from repair_orders.api.totals import total_field
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.company import approve_as_customer
from repair_orders.estimates.queries import online
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.queries import find_repairs, get_repair
from repair_orders.querysets import ORDERINGS
from vehicles.labels import unit_label
from vehicles.queries import check_unit, get_unit_by_label

LONGEST_DESCRIPTION = 5_000


class UnitCountSerializer(Serializer):
    unit_number = serializers.CharField()
    repair_count = serializers.IntegerField(help_text="Number of repairs of the unit.")


class MonthCountSerializer(Serializer):
    date = serializers.CharField(help_text="YYYY-MM")
    count = serializers.IntegerField(help_text="Number of repairs of the month.")


class RepairSerializer(Serializer):
    id = serializers.IntegerField()
    unit_number = Derived(
        unit_label,
        "vehicle.unit_number",
        "vehicle.license_plate",
        "vehicle.vin",
        "vehicle.id",
        output=serializers.CharField(),
    )
    status = Derived(
        str.upper,
        "status",
        output=serializers.ChoiceField(choices=[status.upper() for status in figures.SHOWN_ORDER]),
    )
    description = serializers.CharField(allow_blank=True)
    repair_date = Derived(
        day_of, "created_at", output=serializers.DateField(help_text="Day on which the repair was requested.")
    )
    total = total_field(output=Money(as_number=True))


class RepairQuery(ListQuery):
    """The query parameters of a list of repairs, for the JSON and for the pages."""

    status = ChoiceList(RepairOrderStatus.values, help_text="Comma-separated.")
    unit_id = Id(required=False)
    unit_number = serializers.CharField(
        required=False, max_length=30, help_text="Unit number of the vehicle, in upper or lower case."
    )
    month = Month(required=False, help_text="Month in which they were requested, as `YYYY-MM`.")
    ordering = serializers.ChoiceField(choices=list(ORDERINGS), required=False)


class RequestInput(Serializer):
    unit_number = serializers.CharField(max_length=30)
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION)


class ApprovalInput(Serializer):
    total = Money(required=False, min_value=Decimal(0), help_text="Approve exactly this amount.")
    po_number = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="The company may require it."
    )


class DenialInput(Serializer):
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_DESCRIPTION, default=""
    )


class UnitRepairData(FleetView):
    """Count the repairs of each unit, including units without repairs."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=UnitCountSerializer(many=True))
    def get(self, request: Request) -> JSONResponse:
        Query.read(request.query_params)
        units = figures.repairs_per_unit(self.caller)
        return JSONResponse([{"unit_number": u.unit_number, "repair_count": u.repair_count} for u in units])


class RepairCostData(FleetView):
    """Count the repairs of each month, oldest first."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=MonthCountSerializer(many=True))
    def get(self, request: Request) -> JSONResponse:
        Query.read(request.query_params)
        months = figures.repairs_per_month(self.caller)
        return JSONResponse([{"date": month.isoformat()[:7], "count": count} for month, count in months])


class _OneRepair(Query):
    id = Id(required=False)


def _one(caller: Caller, filters: Values) -> QuerySet[RepairOrder]:
    return RepairOrder.objects.visible_to(caller).filter(pk=filters["id"]).order_by("id")


class _RepairView(FleetView):
    """A view that responds with one repair."""

    permission_classes = [CustomersOnly]
    one = Read(_one, RepairSerializer, params_of(_OneRepair))

    def show(self, id: int, status: int = 200) -> JSONResponse:
        return JSONResponse(self.one.one(self.caller, {"id": id}, Missing("Repair not found")), status=status)

    def repair(self, id: int) -> RepairOrder:
        return get_repair(self.caller, id)


class Repairs(_RepairView, FleetList):
    """List the fleet's repairs, newest first."""

    query = RepairQuery
    serializer_class = RepairSerializer
    input_class = RequestInput
    rows = staticmethod(find_repairs)

    def check(self, filters: Values) -> None:
        if "unit_id" in filters:
            check_unit(self.caller, filters["unit_id"])

    @extend_schema(summary="Request a repair", responses={201: RepairSerializer})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        order = actions.request_repair(
            customer=Customer.objects.get(pk=self.caller.account),
            vehicle=get_unit_by_label(self.caller, body["unit_number"]),
            description=body["description"],
            now=timezone.now(),
        )
        return self.show(order.pk, status=201)


class OneRepair(_RepairView):
    """Retrieve a repair."""

    @extend_schema(responses=RepairSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        Query.read(request.query_params)
        return self.show(id)


class Approve(_RepairView):
    """Approve an estimate.

    With `total`, the estimate is approved only if it costs exactly that amount. A company may require a PO number, and
    limit what a login may approve.
    """

    input_class = ApprovalInput

    @extend_schema(responses=RepairSerializer)
    def post(self, request: Request, id: int) -> JSONResponse:
        approve_as_customer(
            order=self.repair(id), now=timezone.now(), **online(self.caller), **self.read_body()
        )
        return self.show(id)


class Deny(_RepairView):
    """Deny an estimate."""

    input_class = DenialInput

    @extend_schema(responses=RepairSerializer)
    def post(self, request: Request, id: int) -> JSONResponse:
        estimates.deny_estimate(
            order=self.repair(id), now=timezone.now(), **online(self.caller), **self.read_body()
        )
        return self.show(id)


urlpatterns = [
    route("unit-repair-data/", UnitRepairData.as_view()),
    route("repair-cost-data/", RepairCostData.as_view()),
    route("repairs/", Repairs.as_view()),
    route("repairs/<id:id>/", OneRepair.as_view()),
    route("repairs/<id:id>/approve/", Approve.as_view()),
    route("repairs/<id:id>/deny/", Deny.as_view()),
]
