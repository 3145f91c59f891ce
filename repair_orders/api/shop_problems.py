"""Contract 000: the problems that a customer reports, which are repair orders with the customer's words."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopCustomerList
from common.http.fields import ChoiceList, Id, Instant
from common.http.inputs import AliasSerializer
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from repair_orders import actions
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.querysets import RepairOrderFilters
from vehicles.api.shop import VehicleBriefSerializer
from vehicles.queries import check_unit, get_vehicle_in_use

LONGEST_DESCRIPTION = 5_000
# The states of a problem in clients of this contract. A problem that the shop declined is closed.
STATES: dict[str, list[str]] = {
    "open": [RepairOrderStatus.REQUESTED],
    "pending": [RepairOrderStatus.PENDING, RepairOrderStatus.APPROVED, RepairOrderStatus.IN_PROGRESS],
    "resolved": [RepairOrderStatus.COMPLETED],
    "closed": [RepairOrderStatus.DENIED],
}
_STATE_OF = {status: state for state, statuses in STATES.items() for status in statuses}


def is_resolved(status: str) -> bool:
    return status == RepairOrderStatus.COMPLETED


class ProblemSerializer(Serializer):
    id = serializers.IntegerField(help_text="The id of the repair order.")
    vehicle_id = serializers.IntegerField()
    vehicle_details = VehicleBriefSerializer(source="vehicle", help_text="The vehicle.")
    description = serializers.CharField()
    status = Derived(_STATE_OF.get, "status", output=serializers.ChoiceField(choices=list(STATES)))
    resolved = Derived(
        is_resolved, "status", output=serializers.BooleanField(help_text="Whether the work is done.")
    )
    reported_date = Instant(source="created_at", help_text="When the problem was reported.")
    resolved_date = Instant(
        source="completed_at", allow_null=True, help_text="When the work was completed. Null until then."
    )


class ProblemInput(AliasSerializer):
    aliases = {"vehicle": "vehicle_id"}
    needed = ("vehicle_id",)

    vehicle_id = Id(required=False)
    vehicle = Id(source="vehicle_id", required=False, help_text="`vehicle_id` under another name.")
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION)


class ProblemQuery(ListQuery):
    vehicle_id = Id(source="unit_id", required=False)
    status = ChoiceList(list(STATES), help_text="Comma-separated.")

    def validate_status(self, words: list[str]) -> list[str]:
        """Return the statuses of the states."""
        return [status for word in words for status in STATES[word]]


class _OneProblem(Query):
    id = Id()


def _one(caller: Caller, filters: Values) -> QuerySet[RepairOrder]:
    return RepairOrder.objects.visible_to(caller).filter(pk=filters["id"])


class VehicleProblems(ShopCustomerList):
    """List the problems that the customer reported, newest first.

    They are the customer's repair orders with a description, also those that the shop wrote down or declined.
    """

    query = ProblemQuery
    serializer_class = ProblemSerializer
    input_class = ProblemInput
    one = Read(_one, ProblemSerializer, params_of(_OneProblem))

    @staticmethod
    def rows(caller: Caller, filters: RepairOrderFilters) -> QuerySet[RepairOrder]:
        rows = RepairOrder.objects.visible_to(caller).matching(filters)
        return rows.exclude(description="").order_by("-created_at", "-id")

    def check(self, filters: Values) -> None:
        if "unit_id" in filters:
            check_unit(self.caller, filters["unit_id"])

    @extend_schema(summary="Report a problem", responses={201: ProblemSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Report a problem of a vehicle.

        The shop gets a requested repair order with the description.
        """
        body: Json = self.read_body()
        vehicle = get_vehicle_in_use(self.caller, body["vehicle_id"])
        order = actions.request_repair(
            customer=vehicle.customer,
            vehicle=vehicle,
            description=body["description"],
            now=timezone.now(),
        )
        return JSONResponse(self.one.one(self.caller, {"id": order.pk}), status=201)


urlpatterns = [route("vehicle-problems/", VehicleProblems.as_view())]
# The same beside /api/shop/, where clients send it as well. The schema lists it once.
urlpatterns_beside_shop = [route("vehicle-problems/", VehicleProblems.as_view(schema=None))]
