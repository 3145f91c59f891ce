"""The papers of a repair: its revisions, the record of what was authorised, and its inspections."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.domain.errors import Missing
from inspections.papers.actions import inspection_paper
from inspections.queries import get_finished
from portal.fleet.pages import FleetPage
from repair_orders.estimates.queries import find_revisions
from repair_orders.papers.actions import authorisations_paper, estimate_paper
from repair_orders.papers.serving import pdf_response
from repair_orders.queries import get_repair


class EstimatePaperPage(FleetPage):
    """A revision as PDF."""

    def get(self, request: HttpRequest, id: int, revision: int) -> HttpResponse:
        now = timezone.now()
        found = find_revisions(self.caller, {"now": now}).filter(repair_order=id, revision=revision).first()
        if found is None:
            raise Missing("Estimate not found")
        return pdf_response(estimate_paper(found, now=now))


class AuthorisationsPaperPage(FleetPage):
    """The record of all authorisations of a repair as PDF."""

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return pdf_response(authorisations_paper(get_repair(self.caller, id), now=timezone.now()))


class InspectionPaperPage(FleetPage):
    """A finished inspection of a repair as PDF."""

    def get(self, request: HttpRequest, id: int, inspection_id: int) -> HttpResponse:
        found = get_finished(get_repair(self.caller, id), inspection_id)
        return pdf_response(inspection_paper(found, now=timezone.now()))
