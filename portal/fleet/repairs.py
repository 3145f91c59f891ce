"""Pages of repairs: the list, a repair with its estimate, and the request of a new one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from common.domain.errors import DomainError, Missing
from common.domain.types import Json
from common.http.lists import Page
from customers.models import Customer
from files.actions import save_file
from files.api.serving import upload_response
from files.models import Upload
from portal.fleet.forms import ApproveForm, DenyForm, RequestForm
from portal.fleet.pages import FleetPage
from portal.fleet.steps import repair_steps
from repair_orders import actions
from repair_orders.api.fleet import RepairQuery
from repair_orders.figures import SHOWN_ORDER
from repair_orders.models import PartLine, RepairOrder, RepairOrderStatus, ServiceLine
from repair_orders.money import frozen_or_present
from repair_orders.queries import find_repairs, get_repair, photos_of, totals_with_lines, with_lines
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
    """A repair. While its estimate is pending, the customer can approve exactly the displayed amount or deny it."""

    template = "fleet/repair.html"
    section = "repairs"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show_repair(id)

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        order = get_repair(self.caller, id)
        decision = request.POST.get("decision")
        if decision not in ("approve", "deny"):
            return self.show_repair(id, status=400, refusal="Approve the estimate or deny it.")
        is_approval = decision == "approve"
        form = ApproveForm(request.POST) if is_approval else DenyForm(request.POST)
        if not form.is_valid():
            return self.show_repair(id, status=400, form=form)
        action = actions.approve if is_approval else actions.deny_estimate
        try:
            action(order=order, by=self.caller.user_id, now=timezone.now(), **form.values)
        except DomainError as error:
            # The page below the message shows the current state: a new total, or the decision of a colleague.
            return self.show_repair(id, status=409, refusal=error.text)
        messages.success(
            request,
            "The estimate is approved. The shop can start." if is_approval else "The estimate is denied.",
        )
        return redirect("fleet-repair", id=id)

    def show_repair(self, id: int, *, status: int = 200, **context: object) -> HttpResponse:
        orders = RepairOrder.objects.visible_to(self.caller).filter(pk=id).select_related("vehicle")
        order = orders.prefetch_related(
            Prefetch("part_lines", PartLine.objects.in_order().select_related("part")),
            Prefetch("service_lines", ServiceLine.objects.in_order().select_related("service")),
        ).first()
        if order is None:
            raise Missing("Repair not found")
        return self.show(
            status=status,
            order=order,
            totals=totals_with_lines(order),
            total=displayed_total(order),
            steps=repair_steps(order),
            photos=photos_of(order),
            is_waiting=order.status == RepairOrderStatus.PENDING,
            **context,
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
    """A photo of a repair that is visible to the caller."""

    def get(self, request: HttpRequest, id: int, photo_id: UUID | None) -> HttpResponseBase:
        orders = RepairOrder.objects.visible_to(self.caller).filter(pk=id)
        photo = Upload.objects.filter(repair_photo__repair_order__in=orders, uuid=photo_id).first()
        if photo is None:
            raise Missing("Photo not found")
        return upload_response(request, photo, cache="private, max-age=86400, immutable")
