"""Contract 001: the fleet's estimates, their papers, and the answers to them. Amounts are numbers here."""

from __future__ import annotations

from django.db.models import QuerySet

from common.domain.caller import Caller
from common.http.contracts.fleet import FleetList, FleetView
from common.http.fields import Money
from common.http.permissions import CustomersOnly
from common.http.routing import route
from common.reads.serializers import Serializer
from repair_orders.api import answers
from repair_orders.api.workbench import DecisionSerializer, FeeSerializer, TotalsSerializer
from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import AskedFilters, find_revisions


class TotalsNumbers(TotalsSerializer):
    subtotal = Money(as_number=True)
    discount = Money(as_number=True)
    net = Money(as_number=True)
    tax = Money(as_number=True)
    total = Money(as_number=True)


class FeeNumbers(FeeSerializer):
    amount = Money(as_number=True)


class LineNumbers(answers.PaperLineSerializer):
    unit_price = Money(as_number=True, allow_null=True)
    hours = answers.PaperQuantity(allow_null=True)
    rate = Money(as_number=True, allow_null=True)
    amount = Money(as_number=True)


class JobNumbers(answers.PaperJobSerializer):
    amount = Money(as_number=True, help_text="The sum of its lines before discount, fees and tax.")
    lines = LineNumbers(many=True)


class DecisionNumbers(DecisionSerializer):
    amount = Money(as_number=True)


class AnswerNumbers(answers.AnswerSerializer):
    total = Money(as_number=True, help_text="Of all jobs that are approved or done after the answer.")
    net = Money(as_number=True)
    decisions = DecisionNumbers(many=True)


class EstimateRowSerializer(answers.RevisionRowSerializer):
    total = Money(as_number=True, help_text="Of the whole order with all proposed jobs.")


class EstimateSerializer(answers.SentRevisionSerializer):
    total = Money(as_number=True, help_text="Of the whole order with all proposed jobs.")
    jobs = JobNumbers(source="snapshot.jobs", many=True)
    fees = FeeNumbers(source="snapshot.fees", many=True)
    totals = TotalsNumbers(source="snapshot.totals")
    answer = AnswerNumbers(source="authorisation", allow_null=True)


class ChoiceNumbers(Serializer):
    totals = TotalsNumbers()


class Estimates(FleetList):
    """List the estimates that were sent to the fleet, newest first."""

    permission_classes = [CustomersOnly]
    query = answers.RevisionsQuery
    serializer_class = EstimateRowSerializer

    @staticmethod
    def rows(caller: Caller, filters: AskedFilters) -> QuerySet[Estimate]:
        return find_revisions(caller, filters)


class OneEstimate(answers.ShowRevision, FleetView):
    """Retrieve an estimate as it was sent, with the answer."""

    serializer_class = EstimateSerializer


class EstimateChoice(answers.ShowChoice, FleetView):
    """Retrieve the totals of a choice of the proposed jobs."""

    serializer_class = ChoiceNumbers


class EstimatePdf(answers.ShowPaper, FleetView):
    """Retrieve an estimate as PDF.

    It is set at the first request and never again.
    """


class EstimateAnswer(answers.AnswerRevision, FleetView):
    """Answer an estimate, with a decision for each proposed job.

    `total` is that of exactly this choice. A company may require a PO number, and limit what a login may approve.
    """

    serializer_class = EstimateSerializer


urlpatterns = [
    route("estimates/", Estimates.as_view()),
    route("estimates/<id:id>/", OneEstimate.as_view()),
    route("estimates/<id:id>/pdf/", EstimatePdf.as_view()),
    route("estimates/<id:id>/choice/", EstimateChoice.as_view()),
    route("estimates/<id:id>/answer/", EstimateAnswer.as_view()),
]
