"""Revisions of an estimate as their customer reads and answers them with a login.

Contracts 000 and 001 have the same routes, each with its own envelope, errors and format of amounts. The bodies are
made from the snapshot, so that they show what was sent. An answer is held to the rules of the company as the pages are
(docs/design, D79).
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.errors import DomainError, Invalid, Kind
from common.domain.types import Json
from common.http.address import client_ip
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant, Money, NumberList, OptionalText, Quantity, Word
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query
from common.http.views import ContractView, serialize
from common.reads.serializers import AskedAt, Derived, Serializer
from repair_orders.api.workbench import KINDS, DecisionSerializer, FeeSerializer, TotalsSerializer
from repair_orders.estimates.actions import Answerer, get_choice
from repair_orders.estimates.company import answer_as_customer
from repair_orders.estimates.links import ESTIMATES
from repair_orders.estimates.models import Answer, Estimate, Method
from repair_orders.estimates.queries import STATES, get_revision, online, revision_state
from repair_orders.models import Condition, JobStatus
from repair_orders.papers.actions import estimate_paper
from repair_orders.papers.serving import pdf_response

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}


# --- What was sent ----------------------------------------------------------------------------------------


class PaperQuantity(Quantity):
    """A quantity of a snapshot, which has it as text."""

    def to_representation(self, value: Decimal | str) -> int | float:  # type: ignore[override]  # a JSON number
        return super().to_representation(Decimal(value))


class PaperLineSerializer(Serializer):
    """A line as the customer was shown it. What its kind does not have is null."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    part_id = serializers.IntegerField(allow_null=True, help_text="Of parts.")
    part_number = serializers.CharField(allow_null=True, allow_blank=True)
    manufacturer = serializers.CharField(allow_null=True, allow_blank=True)
    condition = serializers.ChoiceField(choices=Condition.values, allow_null=True)
    oem = serializers.BooleanField(allow_null=True)
    quantity = PaperQuantity(allow_null=True)
    unit_price = Money(allow_null=True)
    service_id = serializers.IntegerField(allow_null=True, help_text="Of labor and sublet work.")
    hours = serializers.DecimalField(allow_null=True, max_digits=6, decimal_places=2)
    rate = Money(allow_null=True)
    amount = Money()
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField()


class PaperJobSerializer(Serializer):
    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField()
    concern = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(
        choices=JobStatus.values, help_text="When the revision was sent. Proposed jobs can be answered."
    )
    amount = Money(help_text="The sum of its lines before discount, fees and tax.")
    lines = PaperLineSerializer(many=True)


class AnswerSerializer(Serializer):
    """The answer to a revision."""

    at = Instant()
    method = serializers.ChoiceField(choices=Method.values)
    by_name = serializers.CharField(allow_blank=True)
    contact_used = serializers.CharField(allow_blank=True)
    total = Money(help_text="Of all jobs that are approved or done after the answer.")
    net = Money()
    withdrawn_at = Instant(allow_null=True, help_text="When the shop took the answer back.")
    decisions = DecisionSerializer(many=True)


def own_link(has_link: bool, uuid: UUID, token_hash: str) -> str | None:
    """Return the URL of a link for the login to whose address it was mailed, else None.

    The link answers within the limit of that login (docs/design, D79). A colleague with a lower one, or a viewer, could
    approve by it.
    """
    return ESTIMATES.url_of(uuid, token_hash) if has_link else None


class RevisionRowSerializer(Serializer):
    """A revision in a list."""

    id = serializers.IntegerField()
    repair_order_id = serializers.IntegerField()
    revision = serializers.IntegerField()
    sent_at = Instant()
    expires_at = Instant()
    total = Money(help_text="Of the whole order with all proposed jobs.")
    state = Derived(
        revision_state,
        "answer_id",
        "is_superseded",
        "expires_at",
        "now",
        output=serializers.ChoiceField(choices=STATES),
    )
    url = Derived(
        own_link,
        "has_link",
        "uuid",
        "token_hash",
        output=serializers.URLField(
            allow_null=True, help_text="The link. Only for the login to whose address it was mailed."
        ),
    )


class SentRevisionSerializer(RevisionRowSerializer):
    """A revision with the jobs that the customer was shown, and the answer."""

    notes = serializers.CharField(source="snapshot.order.notes", allow_blank=True)
    jobs = PaperJobSerializer(source="snapshot.jobs", many=True)
    fees = FeeSerializer(source="snapshot.fees", many=True)
    totals = TotalsSerializer(source="snapshot.totals")
    answer = AnswerSerializer(source="authorisation", allow_null=True)


class RevisionsQuery(ListQuery):
    now = AskedAt()


# --- Choices and answers ----------------------------------------------------------------------------------


class ChoiceQuery(Query):
    approve = NumberList(required=False, help_text="Ids of proposed jobs, separated by commas.")


class ChoiceSerializer(Serializer):
    totals = TotalsSerializer()


class DecisionInput(Serializer):
    job_id = Id()
    decision = Word(choices=Answer.values)


class JobDecisionInput(DecisionInput):
    """The same in a body that may have further keys."""


class AnswerInput(Serializer):
    total = Money(min_value=0, help_text="The total of exactly this choice. Another one is a 409.")
    by_name = OptionalText(max_length=200, help_text="The name of the login by default.")
    po_number = OptionalText(max_length=40, help_text="The company may require it.")
    decisions = JobDecisionInput(many=True, help_text="A proposed job without a decision is deferred.")


class DecidedTwice(Invalid):
    code = "decided_twice"
    message = "Give one decision for each job."


def decisions_of(body: Json) -> dict[int, str]:
    """Return the decisions of a body by job. Raises DecidedTwice."""
    decisions = {item["job_id"]: item["decision"] for item in body["decisions"]}
    if len(decisions) < len(body["decisions"]):
        raise DecidedTwice(field="decisions")
    return decisions


# --- Views, without a contract ----------------------------------------------------------------------------


class RevisionView(ContractView):
    """A view of one revision of the caller's customer. Revisions of others are 404."""

    permission_classes = [CustomersOnly]
    serializer_class: ClassVar[type[Serializer]]

    def revision(self, id: int) -> Estimate:
        return get_revision(self.caller, id, now=timezone.now())

    def show(self, id: int) -> JSONResponse:
        return JSONResponse(serialize(self.serializer_class, self.revision(id)))


class ShowRevision(RevisionView):
    def get(self, request: Request, id: int) -> JSONResponse:
        Query.read(request.query_params)
        return self.show(id)


class ShowChoice(RevisionView):
    input_class = ChoiceQuery

    def get(self, request: Request, id: int) -> JSONResponse:
        approve = ChoiceQuery.read(request.query_params).get("approve", [])
        figures = get_choice(self.revision(id), set(approve))
        return JSONResponse(serialize(self.serializer_class, {"totals": figures.totals}))


class ShowPaper(RevisionView):
    @extend_schema(responses=PDF)
    def get(self, request: Request, id: int) -> HttpResponse:
        Query.read(request.query_params)
        return pdf_response(estimate_paper(self.revision(id), now=timezone.now()))


class AnswerRevision(RevisionView):
    """A conflict has a `code`, because a client acts differently on each."""

    input_class = AnswerInput

    def post(self, request: Request, id: int) -> JSONResponse:
        estimate, body = self.revision(id), self.read_body()
        person = online(self.caller)
        answer_as_customer(
            estimate=estimate,
            decisions=decisions_of(body),
            answerer=Answerer(
                **person | {"by_name": body["by_name"] or person["by_name"]}, ip=client_ip(request._request)
            ),
            now=timezone.now(),
            total=body["total"],
            po_number=body["po_number"],
        )
        return self.show(id)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # as in the base
        if isinstance(exc, DomainError) and exc.kind is Kind.CONFLICT:
            exc.facts["code"] = exc.code
        return super().handle_exception(exc)
