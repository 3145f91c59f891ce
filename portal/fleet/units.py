"""Pages of units: the list, a unit, a new unit and archiving one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.domain.errors import DomainError, Missing
from common.domain.search import fits
from common.domain.types import Json
from common.http.lists import Page
from common.http.query import ListQuery
from common.reads.bindings import bind_search
from customers.models import Customer
from portal.fleet.forms import NewUnitForm, UnitForm
from portal.fleet.pages import FleetPage
from repair_orders import figures
from repair_orders.models import RepairOrder
from vehicles import actions
from vehicles.guards import VehicleIsHeld
from vehicles.labels import label_of
from vehicles.models import Vehicle

PAGE_SIZE = 50
RECENT_REPAIRS = 5


class UnitQuery(ListQuery):
    search = serializers.CharField(required=False, max_length=60)
    archived = serializers.BooleanField(required=False)
    ordering = serializers.ChoiceField(choices=["unit_number", "-repairs"], required=False)


class UnitsPage(FleetPage):
    """The list of units in use or of archived units, ordered by number or by most repairs first."""

    template = "fleet/units.html"
    section = "units"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            filters = UnitQuery.read(request.GET)
            rows = self.rows(filters)
            page = Page(
                filters.get("page", 1),
                filters.get("page_size", PAGE_SIZE),
                rows.count(),
                request.get_full_path(),
            )
            if page.number > page.last:
                raise ValidationError({"page": [f"The last page is {page.last}."]})
        except ValidationError as error:
            return self.show(params=request.GET, query_errors=error.detail, status=400)
        if filters.get("ordering") == "-repairs":
            units = self.most_repaired(rows, page)
        else:
            units = list(rows.order_by(label_of(), "id")[page.bounds])
        counts = self.counts(units)
        return self.show(
            params=request.GET,
            page=page,
            units=[{"unit": unit, "repair_count": counts.get(unit.pk, 0)} for unit in units],
            ordering=filters.get("ordering", "unit_number"),
            measures=self.measures,
            is_archived=filters.get("archived", False),
        )

    def rows(self, filters: Json) -> QuerySet[Vehicle]:
        rows = Vehicle.objects.visible_to(self.caller).filter(
            archived_at__isnull=not filters.get("archived", False)
        )
        if "search" in filters:
            rows = rows.filter(fits(Vehicle.SEARCHED, bind_search(filters["search"])))
        return rows

    def most_repaired(self, rows: QuerySet[Vehicle], page: Page) -> list[Vehicle]:
        among = set(rows.values_list("id", flat=True))
        counted = [unit for unit in figures.repairs_per_unit(self.caller) if unit.unit_id in among]
        # `repairs_per_unit` leaves out archived units without repairs. They are appended.
        ids = [unit.unit_id for unit in sorted(counted, key=lambda unit: -unit.repair_count)]
        ids += sorted(among - set(ids))
        found = Vehicle.objects.in_bulk(ids[page.bounds])
        return [found[pk] for pk in ids[page.bounds]]

    def counts(self, units: list[Vehicle]) -> dict[int, int]:
        orders = RepairOrder.objects.visible_to(self.caller).filter(vehicle__in=[unit.pk for unit in units])
        return dict(orders.values_list("vehicle_id").annotate(Count("id")).order_by())


class UnitPageBase(FleetPage):
    """The base of the pages of one unit."""

    def unit(self, id: int) -> Vehicle:
        found = Vehicle.objects.visible_to(self.caller).filter(pk=id).first()
        if found is None:
            raise Missing("Unit not found")
        return found


class UnitPage(UnitPageBase):
    """A unit: its details, its newest repairs, and the form to edit it while it is in use."""

    template = "fleet/unit.html"
    section = "units"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        unit = self.unit(id)
        return self.show_unit(
            unit, self.form(unit, initial={name: getattr(unit, name) for name in UnitForm.base_fields})
        )

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        unit = self.unit(id)
        form = self.form(unit, request.POST)
        if form.is_valid():
            try:
                actions.change_vehicle(
                    vehicle=unit, by=self.caller.user_id, now=timezone.now(), **form.cleaned_data
                )
            except DomainError as error:
                form.add_domain_error(error)
            else:
                messages.success(request, f"Unit {unit.label} is changed.")
                return redirect("fleet-unit", id=id)
        return self.show_unit(self.unit(id), form, status=400)

    def form(self, unit: Vehicle, *data: Any, **options: Any) -> UnitForm:
        return UnitForm(*data, measures=self.measures, known=unit.odometer, **options)

    def show_unit(self, unit: Vehicle, form: UnitForm, status: int = 200) -> HttpResponse:
        orders = RepairOrder.objects.visible_to(self.caller).matching({"unit_id": unit.pk})
        return self.show(
            unit=unit,
            form=form,
            repairs=orders.in_order()[:RECENT_REPAIRS],
            repair_count=orders.count(),
            status=status,
        )


class NewUnitPage(FleetPage):
    template = "fleet/new_unit.html"
    section = "units"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(form=NewUnitForm(measures=self.measures))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewUnitForm(request.POST, measures=self.measures)
        if form.is_valid():
            try:
                unit = actions.add_vehicle(
                    customer=Customer.objects.get(pk=self.caller.account),
                    by=self.caller.user_id,
                    now=timezone.now(),
                    **form.cleaned_data,
                )
            except DomainError as error:
                form.add_domain_error(error)
            else:
                messages.success(request, f"Unit {unit.label} is added.")
                return redirect("fleet-unit", id=unit.pk)
        return self.show(form=form, status=400)


class ArchiveUnitPage(UnitPageBase):
    """Archive a unit after a confirmation, because the portal cannot restore it."""

    template = "fleet/archive_unit.html"
    section = "units"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show(unit=self.unit(id))

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        unit = self.unit(id)
        try:
            actions.archive_vehicle(vehicle=unit, now=timezone.now())
        except VehicleIsHeld as error:
            messages.error(request, f"Unit {unit.label} stays in use. {error.text}")
            return redirect("fleet-unit", id=id)
        messages.success(request, f"Unit {unit.label} is archived. Its repairs stay.")
        return redirect("fleet-units")
