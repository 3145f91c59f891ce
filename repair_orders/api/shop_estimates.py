"""Contract 000's pattern: the customer's estimates, their papers, and the answers to them."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from common.domain.caller import Caller
from common.http.contracts.shop import ShopConflict, ShopCustomerList, ShopForbidden, ShopView
from common.http.routing import route
from repair_orders.api.answers import (
    AnswerRevision,
    ChoiceSerializer,
    RevisionRowSerializer,
    RevisionsQuery,
    SentRevisionSerializer,
    ShowChoice,
    ShowPaper,
    ShowRevision,
)
from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import AskedFilters, find_revisions


class CustomerEstimates(ShopCustomerList):
    """List the estimates that were sent to the customer, newest first."""

    query = RevisionsQuery
    serializer_class = RevisionRowSerializer

    @staticmethod
    def rows(caller: Caller, filters: AskedFilters) -> QuerySet[Estimate]:
        return find_revisions(caller, filters)


class CustomerEstimate(ShowRevision, ShopView):
    """Retrieve an estimate as it was sent, with the answer."""

    serializer_class = SentRevisionSerializer


class CustomerEstimateChoice(ShowChoice, ShopView):
    """Retrieve the totals of a choice of the proposed jobs."""

    serializer_class = ChoiceSerializer


class CustomerEstimatePdf(ShowPaper, ShopView):
    """Retrieve an estimate as PDF.

    It is set at the first request and never again.
    """


@extend_schema_view(
    post=extend_schema(responses={200: SentRevisionSerializer, 403: ShopForbidden, 409: ShopConflict})
)
class CustomerEstimateAnswer(AnswerRevision, ShopView):
    """Answer an estimate, with a decision for each proposed job.

    `total` is that of exactly this choice. A company may require a PO number, and limit what a login may approve.
    """

    serializer_class = SentRevisionSerializer


_MINE = "estimates/customers/me/estimates/"
urlpatterns = [
    route(_MINE, CustomerEstimates.as_view()),
    route(f"{_MINE}<id:id>/", CustomerEstimate.as_view()),
    route(f"{_MINE}<id:id>/pdf/", CustomerEstimatePdf.as_view()),
    route(f"{_MINE}<id:id>/choice/", CustomerEstimateChoice.as_view()),
    route(f"{_MINE}<id:id>/answer/", CustomerEstimateAnswer.as_view()),
]
