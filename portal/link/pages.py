"""The page of an estimate's link, without a login (docs/design, D79).

The paper is made from the snapshot of the revision. Reading the page changes nothing, because mail scanners open links,
too. Whoever has the link may answer, so that no cookie is needed: neither a session nor a CSRF token exists here, and
with the policy `no-referrer` a browser would send no origin that could be checked.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.debug import sensitive_variables

from common.domain.errors import DomainError
from common.domain.types import Json
from common.http.address import client_ip
from common.http.problems import STATUS as STATUS_OF_KIND
from portal.choice import Choice
from portal.link.consent import consent_sentence
from portal.link.forms import AnswerForm
from portal.link.inspections import link_inspections, link_photos
from portal.link.state import STATUS, LinkState, get_state
from portal.link.view import EstimateView
from portal.templatetags.fleet import money
from repair_orders.estimates.actions import Answerer, EstimateChanged
from repair_orders.estimates.company import answer_as_customer, needs_po_number
from repair_orders.estimates.models import Answer, Estimate, Method
from repair_orders.estimates.queries import find_by_token, get_last

_SHOP = "the shop"  # of an order without a location


class EstimatePage(EstimateView):
    """The paper of a revision with the customer's answer, or the form to give it."""

    http_method_names = ["get", "head", "post"]

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        estimate = self.find(token)
        return self.show_ended() if estimate is None else self.show_estimate(estimate)

    @sensitive_variables("token")
    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Record the answer, or show the total of a choice. The total that was read is posted with the answer."""
        estimate = self.find(token)
        if estimate is None:
            return self.show_ended()
        choice = Choice(estimate, request.POST)
        form = AnswerForm(
            request.POST, approves=choice.approves, needs_po_number=needs_po_number(estimate.repair_order)
        )
        is_valid = form.is_valid()
        if "total" in form.errors or "check" in request.POST:
            # Nothing but the total of the choice was asked for.
            status = 400 if choice.missing else 200
            return self.show_estimate(estimate, status, choice=choice, form=form, is_check=True)
        if choice.missing or not is_valid:
            return self.show_estimate(estimate, 400, choice=choice, form=form)
        try:
            self.answer(estimate, choice, form)
        except DomainError as error:
            # Read again, because the page shows the present state.
            found = find_by_token(token)
            assert found is not None
            return self.show_estimate(
                found,
                STATUS_OF_KIND[error.kind],
                choice=Choice(found, request.POST),
                form=form,
                refusal=_refusal(error, form),
            )
        return redirect(request.path)

    def answer(self, estimate: Estimate, choice: Choice, form: AnswerForm) -> None:
        """Record a valid answer. Raises as `answer_as_customer` does."""
        answer_as_customer(
            estimate=estimate,
            decisions=choice.decisions,
            answerer=Answerer(
                method=Method.ONLINE,
                by_name=form.cleaned_data["by_name"],
                contact_used=estimate.sent_to,
                ip=client_ip(self.request),
            ),
            now=timezone.now(),
            total=form.cleaned_data["total"],
            po_number=form.cleaned_data.get("po_number", ""),
        )

    def show_estimate(
        self,
        estimate: Estimate,
        status: int = 200,
        *,
        choice: Choice | None = None,
        form: AnswerForm | None = None,
        is_check: bool = False,
        refusal: str = "",
    ) -> HttpResponse:
        """Show the revision in its present state. `choice` and `form` are what was posted."""
        last = get_last(estimate.repair_order)
        state = get_state(estimate, last, timezone.now())
        context = _paper(estimate) | {"paper_url": reverse("estimate-link-pdf", kwargs=self.kwargs)}
        if state != LinkState.OPEN:
            # An answer to a revision that cannot be answered is a conflict, also where reading it is fine.
            status = 409 if status != 200 and STATUS[state] == 200 else STATUS[state]
        with timezone.override(context["zone"]):
            if state == LinkState.EXPIRED:
                return self.show_ended(**context)
            needs_number = needs_po_number(estimate.repair_order)
            context |= {
                "state": state.value,
                "last": last,
                "choice": choice or Choice(estimate),
                "form": form or AnswerForm(approves=True, needs_po_number=needs_number),
                "is_check": is_check,
                "refusal": refusal,
                "inspections": link_inspections(estimate, last, self.kwargs["token"]),
                "photos": link_photos(estimate, self.kwargs["token"]),
                "consent": consent_sentence(estimate.snapshot, context["shop_name"]),
            }
            if state == LinkState.ANSWERED:
                context |= _receipt(estimate)
                context["is_last_approved"] = last.is_read_out and _approves(last)
                context["record_url"] = reverse("estimate-link-record", kwargs=self.kwargs)
            return render(self.request, "link/estimate.html", context, status=status)


def _paper(estimate: Estimate) -> Json:
    """Return what the page prints of the snapshot."""
    paper = estimate.snapshot
    shop = paper["shop"] or {}
    return {
        "paper": paper,
        "shop": shop,
        "shop_name": shop.get("name") or _SHOP,
        "zone": ZoneInfo(shop.get("time_zone") or settings.TIME_ZONE),
        "sent_at": parse_datetime(paper["sent_at"]),
        "expires_at": parse_datetime(paper["expires_at"]),
    }


def _receipt(estimate: Estimate) -> Json:
    given = estimate.authorisation
    decisions = list(given.decisions.order_by("id"))
    return {
        "given": given,
        "decisions": decisions,
        "is_approved": any(decision.decision == "approved" for decision in decisions),
    }


def _approves(estimate: Estimate) -> bool:
    return estimate.authorisation.decisions.filter(decision=Answer.APPROVED).exists()


def _refusal(error: DomainError, form: AnswerForm) -> str:
    if isinstance(error, EstimateChanged) and "total" in error.facts:
        now, shown = (money(amount) for amount in (error.facts["total"], form.cleaned_data["total"]))  # type: ignore[arg-type]
        return (
            f"Nothing was approved: the total of your choice is {now}, and the page showed {shown}. "
            "Look at it and send your answer again."
        )
    return error.text
