"""The staff API for the estimates of repair orders and what customers authorise."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.errors import Missing
from common.http.bodies import JSONResponse
from common.http.fields import Instant, Money, Word
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from repair_orders.api.answers import PDF, ChoiceQuery, ChoiceSerializer, DecisionInput, decisions_of
from repair_orders.api.shop_staff_jobs import VersionInput
from repair_orders.api.workbench import (
    AuthorisationSerializer,
    EstimateSerializer,
    authorisation_bodies,
    estimate_body,
)
from repair_orders.estimates import actions
from repair_orders.estimates.actions import Answerer
from repair_orders.estimates.models import Estimate, Method
from repair_orders.estimates.snapshot import totals_body
from repair_orders.papers.actions import authorisations_paper, estimate_paper
from repair_orders.papers.serving import pdf_response

_METHODS = [method for method in Method.values if method != Method.ONLINE]


class EstimateInput(VersionInput):
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    expires_at = Instant(required=False, help_text="30 days from now by default.")


class WhoInput(VersionInput):
    """How the customer answered. An answer without it is not recorded, which papers print."""

    method = Word(choices=_METHODS, required=False)
    by_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    contact_used = serializers.CharField(max_length=254, required=False, allow_blank=True)


class ApproveInput(WhoInput):
    total = Money(
        required=False, min_value=0, help_text="Approve exactly this amount. A different total is a 409."
    )


class DenyInput(WhoInput):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class ReasonInput(VersionInput):
    reason = serializers.CharField(max_length=10_000)


class AuthorisationInput(VersionInput):
    revision = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The last one by default. If none waits, the present one is stored.",
    )
    method = Word(choices=_METHODS)
    by_name = serializers.CharField(max_length=200)
    contact_used = serializers.CharField(max_length=254, required=False, allow_blank=True)
    note = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    total = Money(min_value=0, help_text="The total of exactly this choice. Another one is a 409.")
    decisions = DecisionInput(many=True, help_text="A proposed job without a decision is deferred.")


class RevisionSerializer(EstimateSerializer):
    snapshot = serializers.DictField(help_text="The whole paper as it was sent.")


class EstimateRoutes(StaffViewSet):
    """The routes of estimates and authorisations below `/api/shop/repair-orders/{id}/`."""

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/estimates/<id:revision>/", get="revision"),
            cls.address("<id:id>/estimates/<id:revision>/choice/", get="choice"),
            cls.address("<id:id>/estimates/<id:revision>/pdf/", get="estimate_pdf"),
            cls.address("<id:id>/authorisations/", get="authorisations", post="authorise"),
            cls.address("<id:id>/authorisations/pdf/", get="authorisations_pdf"),
        ]

    def estimate_of(self, id: int, revision: int | None) -> Estimate:
        """Return a revision of the order, the last one for None. Raises Missing."""
        rows = Estimate.objects.filter(repair_order=self.row(id)).with_mail()
        rows = rows.select_related("repair_order", "authorisation")
        if revision is not None:
            rows = rows.filter(revision=revision)
        found = rows.order_by("-revision").first()
        if found is None:
            raise Missing("Estimate not found.")
        return found

    @extend_schema(responses=RevisionSerializer)
    def revision(self, request: Request, id: int, revision: int) -> JSONResponse:
        """Retrieve a revision with the whole paper as it was sent."""
        Query.read(request.query_params)
        estimate, last = self.estimate_of(id, revision), self.estimate_of(id, None)
        body = estimate_body(estimate, last, timezone.now())
        return JSONResponse(body | {"snapshot": estimate.snapshot})

    @extend_schema(responses=ChoiceSerializer, parameters=[ChoiceQuery])
    def choice(self, request: Request, id: int, revision: int) -> JSONResponse:
        """Retrieve the totals of a choice of the proposed jobs of a revision."""
        approve = ChoiceQuery.read(request.query_params).get("approve", [])
        figures = actions.get_choice(self.estimate_of(id, revision), set(approve))
        return JSONResponse({"totals": totals_body(figures.totals)})

    @extend_schema(responses=AuthorisationSerializer(many=True))
    def authorisations(self, request: Request, id: int) -> JSONResponse:
        """List what was authorised, by revision."""
        Query.read(request.query_params)
        return JSONResponse(authorisation_bodies(self.row(id)))

    @extend_schema(responses={201: AuthorisationSerializer})
    def authorise(self, request: Request, id: int) -> JSONResponse:
        """Record a customer's answer to a revision, with a decision for each proposed job.

        Without `revision` it is to the last one. If none waits for an answer, the order as it is now is stored as a
        revision, of which the customer is told nothing.
        """
        body = self.read_body()
        answerer = Answerer(
            method=body["method"],
            by_name=body["by_name"],
            contact_used=body.get("contact_used", ""),
            note=body.get("note", ""),
            by=self.caller.user_id,
        )
        values = {"decisions": decisions_of(body), "answerer": answerer, "total": body["total"]}
        if "revision" in body:
            estimate = self.estimate_of(id, body["revision"])
            given = actions.answer(estimate=estimate, now=timezone.now(), **values)
        else:
            given = actions.record_answer(order=self.row(id), now=timezone.now(), **values)
        order = self.row(id)
        order.refresh_from_db(fields=["version"])
        body = next(row for row in authorisation_bodies(order) if row["id"] == given.pk)
        return JSONResponse(body, status=201, headers={"ETag": f'"{order.version}"'})

    @extend_schema(responses=PDF)
    def estimate_pdf(self, request: Request, id: int, revision: int) -> HttpResponse:
        """Retrieve a revision as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(estimate_paper(self.estimate_of(id, revision), now=timezone.now()))

    @extend_schema(responses=PDF)
    def authorisations_pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve the record of all authorisations as PDF."""
        Query.read(request.query_params)
        return pdf_response(authorisations_paper(self.row(id), now=timezone.now()))

    def withdraw(self, request: Request, id: int) -> JSONResponse:
        """Withdraw the last authorisation.

        Its jobs are proposed again. Not possible once the work has started.
        """
        actions.withdraw(
            order=self.row(id), reason=self.read_body()["reason"], by=self.caller.user_id, now=timezone.now()
        )
        return self.show(id)
