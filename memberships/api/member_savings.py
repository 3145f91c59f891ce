"""The page of contract 003's web client about savings (docs/design, D136).

Keys are those of the contract. Beside them stand those that the client reads in snake_case, with the same values.
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import Money
from common.http.permissions import CustomerRole
from common.http.query import Query
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer
from memberships.savings import get_savings


def _money(source: str) -> Money:
    return Money(source=source, as_number=True)


class MonthSavedSerializer(Serializer):
    month = serializers.CharField(help_text="The short name: `Nov`.")
    year = serializers.IntegerField(help_text="Year of the month.")
    amount = Money(as_number=True, help_text="What was saved in the month.")
    services = serializers.IntegerField(help_text="Completed repair orders with a discount in the month.")


class SavingsSerializer(Serializer):
    totalSaved = _money("saved")
    savedByPlan = _money("plan")
    savedByOffers = _money("offers")
    savedByPoints = _money("points")
    servicesUsed = serializers.IntegerField(
        source="services", help_text="Completed repair orders with a discount."
    )
    averagePerService = _money("average")
    totalPaid = Money(source="paid", as_number=True, help_text="The monthly fees so far, at today's price.")
    netSavings = _money("net")
    monthlyBreakdown = MonthSavedSerializer(
        source="months", many=True, help_text="What was saved in each of the last twelve months."
    )
    membershipPlan = serializers.CharField(
        source="membership.plan.name",
        default=None,
        allow_null=True,
        help_text="Name of the plan. Null without a membership.",
    )
    monthlyFee = Money(
        source="monthly_fee",
        as_number=True,
        allow_null=True,
        help_text="Price of the plan a month. Null without a membership.",
    )
    total_saved = _money("saved")
    services_used = serializers.IntegerField(source="services", help_text="The same as `servicesUsed`.")
    total_paid = _money("paid")
    monthly_breakdown = MonthSavedSerializer(
        source="months", many=True, help_text="The same as `monthlyBreakdown`."
    )


class SavingsOverview(MemberView):
    """The savings of the membership."""

    permission_classes = [CustomerRole]

    @extend_schema(responses=SavingsSerializer)
    def get(self, request: Request) -> JSONResponse:
        """Retrieve what plan, offers and points took off your completed repair orders.

        The breakdown has the last twelve months, the present one last.
        """
        Query.read(request.query_params)
        return JSONResponse(serialize(SavingsSerializer, get_savings(self.caller, timezone.now())))


urlpatterns = [route("auth/savings/", SavingsOverview.as_view())]
