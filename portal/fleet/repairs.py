"""Pages of repairs: the list, a repair with its estimate, and the request of a new one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from billing.own import find_invoices_of
from common.domain.errors import DomainError, Missing
from common.domain.types import Json
from common.http.lists import Page
from common.http.problems import STATUS
from customers.models import Customer
from files.actions import save_file
from files.api.serving import upload_response
from inspections.queries import find_finished, get_shown_photo
from portal.choice import Choice
from portal.findings import shown_inspections
from portal.fleet.forms import ApproveForm, DenyForm, RequestForm
from portal.fleet.jobs import repair_jobs
from portal.fleet.pages import FleetPage
from portal.fleet.steps import repair_steps
from portal.templatetags.fleet import money
from repair_orders import actions
from repair_orders.api.fleet import RepairQuery
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.actions import Answerer
from repair_orders.estimates.company import answer_as_customer, approve_as_customer, get_login
from repair_orders.estimates.queries import find_open, find_papers, online
from repair_orders.figures import SHOWN_ORDER
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.money import frozen_or_present
from repair_orders.queries import (
    find_repairs,
    get_repair,
    named_discounts_of,
    photos_of,
    totals_with_lines,
    with_lines,
)
from repair_orders.querysets import NEWEST, RepairOrderFilters
from vehicles.models import Vehicle

PAGE_SIZE = 25


class RepairsPage(FleetPage):
    """The list of repairs, with the query parameters of the JSON list."""

    template = "fleet/repairs.html"
    section = "repairs"

    def get(self, request: HttpRequest) -> HttpResponse:
        context: Json = {"statuses": SHOWN_ORDER, "params": request.GET}
        try:
            query = RepairQuery.read(request.GET)
            number, size = query.pop("page", 1), query.pop("page_size", PAGE_SIZE)
            filters = cast("RepairOrderFilters", query)
            if "unit_id" in filters:
                context["unit"] = self.unit(filters["unit_id"])
            rows = find_repairs(self.caller, filters)
            page = Page(number, size, rows.count(), request.get_full_path())
            if number > page.last:
                raise ValidationError({"page": [f"The last page is {page.last}."]})
        except ValidationError as error:
            return self.show(**context, query_errors=error.detail, status=400)
        # The ids of the page come from an index only. Whole rows are read for these ids.
        ids = list(rows.values_list("id", flat=True)[page.bounds])
        found = with_lines(find_repairs(self.caller, filters).filter(pk__in=ids).select_related("vehicle"))
        return self.show(
            **context,
            page=page,
            repairs=[{"order": order, "total": displayed_total(order)} for order in found],
            ordering=filters.get("ordering", NEWEST),
            is_filtered=bool(filters.keys() - {"ordering"}),
        )

    def unit(self, unit_id: int) -> Vehicle:
        unit = Vehicle.objects.visible_to(self.caller).filter(pk=unit_id).first()
        if unit is None:
            raise Missing("Unit not found")
        return unit


def displayed_total(order: RepairOrder) -> Decimal:
    """Return the total of an order that was read `with_lines`."""
    return frozen_or_present(order.total_cost, totals_with_lines(order).total)


class RepairPage(FleetPage):
    """A repair with its jobs.

    While a revision of its estimate is not answered, the customer can approve exactly the displayed amount, deny it, or
    choose job by job and confirm the total of exactly that choice.
    """

    template = "fleet/repair.html"
    section = "repairs"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show_repair(id)

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        order = get_repair(self.caller, id)
        decision = request.POST.get("decision")
        if decision == "choose":
            return self.choose(order)
        if decision not in ("approve", "deny"):
            return self.show_repair(id, status=400, refusal="Approve the estimate or deny it.")
        form = ApproveForm(request.POST) if decision == "approve" else DenyForm(request.POST)
        if not form.is_valid():
            return self.show_repair(id, status=400, form=form)
        action = approve_as_customer if decision == "approve" else estimates.deny_estimate
        try:
            action(order=order, now=timezone.now(), **online(self.caller), **form.values)
        except DomainError as error:
            # The page below the message shows the current state: a new total, or the decision of a colleague.
            return self.show_repair(id, status=STATUS[error.kind], refusal=error.text)
        messages.success(
            request,
            "The estimate is approved. The shop can start."
            if decision == "approve"
            else "The estimate is denied.",
        )
        return redirect("fleet-repair", id=id)

    def choose(self, order: RepairOrder) -> HttpResponse:
        """Record a decision for each job, or show the total of a choice."""
        request = self.request
        estimate = find_open(order)
        if estimate is None:
            return self.show_repair(order.pk, status=409, refusal="There is no estimate to answer any more.")
        choice, form = Choice(estimate, request.POST), ApproveForm(request.POST)
        if choice.missing:
            return self.show_repair(order.pk, status=400, choice=choice, refusal="Choose for each job.")
        if "check" in request.POST or not form.is_valid():
            is_wrong = "po_number" in form.errors
            refusal = "A PO number has at most 40 characters." if is_wrong else ""
            return self.show_repair(order.pk, status=400 if is_wrong else 200, choice=choice, refusal=refusal)
        try:
            answer_as_customer(
                estimate=estimate,
                decisions=choice.decisions,
                answerer=Answerer(**online(self.caller)),
                now=timezone.now(),
                **form.values,
            )
        except DomainError as error:
            found = find_open(get_repair(self.caller, order.pk))
            kept = {"choice": Choice(found, request.POST)} if found else {}
            return self.show_repair(order.pk, status=STATUS[error.kind], refusal=error.text, **kept)
        messages.success(
            request,
            f"You approved {money(form.values['total'])}."
            if choice.approves
            else "You declined the proposed jobs.",
        )
        return redirect("fleet-repair", id=order.pk)

    def show_repair(self, id: int, *, status: int = 200, **context: object) -> HttpResponse:
        orders = RepairOrder.objects.visible_to(self.caller).filter(pk=id)
        order = with_lines(orders.select_related("vehicle", "customer")).first()
        if order is None:
            raise Missing("Repair not found")
        estimate, jobs = find_open(order), repair_jobs(order)
        login = get_login(order, by=self.caller.user_id)
        revisions = find_papers(order)
        totals = totals_with_lines(order)
        return self.show(
            status=status,
            order=order,
            jobs=[entry for entry in jobs if entry.is_counted],
            not_taken=[entry for entry in jobs if not entry.is_counted],
            totals=totals,
            discounts=named_discounts_of(order, totals),
            total=displayed_total(order),
            steps=repair_steps(order),
            photos=photos_of(order),
            inspections=shown_inspections(
                find_finished(order),
                photo_url=lambda uuid: reverse("fleet-photo", args=[order.pk, uuid]),
                paper_url=lambda pk: reverse("fleet-inspection-pdf", args=[order.pk, pk]),
            ),
            revisions=revisions,
            invoices=find_invoices_of(self.caller, order),
            is_answered=any(revision.answer_id is not None for revision in revisions),
            is_waiting=order.status == RepairOrderStatus.PENDING or estimate is not None,
            requires_po_number=order.customer.requires_po_number,
            approval_limit=login.approval_limit if login else None,
            posted=self.request.POST,
            **{"choice": Choice(estimate) if estimate else None, **context},
        )


class RequestPage(FleetPage):
    """The request of a repair: the unit, a description and photos."""

    body_limit = "MAX_FORM_BYTES"

    template = "fleet/request.html"
    section = "repairs"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(form=RequestForm(self.caller, initial={"unit": request.GET.get("unit_id")}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RequestForm(self.caller, request.POST, request.FILES)
        if not form.is_valid():
            return self.show(form=form, status=400)
        try:
            order = self.request_repair(form, timezone.now())
        except DomainError as error:
            form.add_domain_error(error)
            return self.show(form=form, status=400)
        messages.success(
            request, "The repair is requested. The shop will look at it and send you an estimate."
        )
        return redirect("fleet-repair", id=order.pk)

    def request_repair(self, form: RequestForm, now: datetime) -> RepairOrder:
        photos = [
            save_file(
                caller=self.caller,
                filename=photo.name or "photo",
                content_type=photo.content_type or "",
                size=photo.size or 0,
                content=photo,
                now=now,
            )
            for photo in form.cleaned_data["photos"]
        ]
        return actions.request_repair(
            customer=Customer.objects.get(pk=self.caller.account),
            vehicle=form.cleaned_data["unit"],
            description=form.cleaned_data["description"],
            photos=[photo.uuid for photo in photos],
            by=self.caller,
            now=now,
        )


class PhotoPage(FleetPage):
    """A photo of a repair that is visible to the caller, or of what its inspections found."""

    def get(self, request: HttpRequest, id: int, photo_id: UUID | None) -> HttpResponseBase:
        order = RepairOrder.objects.visible_to(self.caller).filter(pk=id).first()
        if order is None or photo_id is None:
            raise Missing("Photo not found")
        photo = get_shown_photo(order, photo_id)
        return upload_response(request, photo, cache="private, max-age=86400, immutable")
