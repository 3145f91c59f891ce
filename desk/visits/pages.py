"""The page of a visit that is booked: check it in, move it, assign, start, complete or cancel it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from appointments import actions
from appointments.models import HOLDS_A_BAY, Appointment, AppointmentStatus
from appointments.queries import find_free_slots, last_bookable_day, local_time
from billing.once import claim
from common.domain.distance_fields import add_refusal
from common.domain.errors import DomainError
from common.domain.types import Json
from desk.intake.starts import Day, by_day, first_day
from desk.intake.vins import read_vin
from desk.pages import DeskView
from desk.places import Place
from desk.texts import car_name
from desk.visits.forms import AssignForm, CheckInForm, MoveForm
from desk.visits.told import told_of, told_of_cancelling
from repair_orders.check_in import check_in
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.queries import open_recommendations
from vehicles.actions import change_vehicle
from vehicles.models import Recommendation


class VisitPage(DeskView):
    """One visit with its steps. Each is a form that says in `do` which step it is."""

    permission = "appointments.view_appointment"
    title = "Visit"
    may: ClassVar[dict[str, str]] = {
        "check_in": "repair_orders.add_repairorder",
        "move": "appointments.change_appointment",
        "assign": actions.PERMISSIONS["assign"],
        "start": actions.PERMISSIONS["start"],
        "complete": actions.PERMISSIONS["complete"],
        "cancel": actions.PERMISSIONS["cancel"],
    }

    def get(self, request: HttpRequest, visit_id: int) -> HttpResponse:
        return self.ask(self.visit(visit_id))

    def post(self, request: HttpRequest, visit_id: int) -> HttpResponseBase:
        visit, do = self.visit(visit_id), request.POST.get("do", "")
        steps: dict[str, Callable[[Appointment], HttpResponseBase]] = {
            "check_in": self.check_in,
            "move": self.move,
            "show": self.show_starts,
            "assign": self.assign,
            "start": self.start,
            "complete": self.complete,
            "cancel": self.cancel,
        }
        if do not in steps:
            return redirect("visit-page", visit_id)
        if not request.user.has_perm(self.may["move" if do == "show" else do]):
            raise PermissionDenied
        return steps[do](visit)

    def check_in(self, visit: Appointment) -> HttpResponseBase:
        place = Place(self.request)
        form = self.check_in_form(visit, place, self.request.POST)
        if not form.is_valid():
            return self.ask(visit, check_in=form)
        now, values = place.now, form.cleaned_data
        try:
            with transaction.atomic():
                claim(values["key"], by=self.by(), now=now)
                order = check_in(
                    appointment=visit,
                    odometer=values["odometer"],
                    promised_at=form.promised,
                    key_tag=values["key_tag"],
                    description=values["description"],
                    order=values["order"],
                    anyway=True,  # the page names the open orders
                    by=self.by(),
                    now=now,
                )
                if form.names:  # after the check-in, which locks the appointment before the vehicle
                    change_vehicle(vehicle=visit.vehicle, by=self.by(), now=now, **form.names)
        except DomainError as error:
            add_refusal(form, error)
            visit.refresh_from_db()  # without what was taken back
            return self.ask(visit, check_in=form)
        messages.success(self.request, f"{car_name(visit.vehicle)} is checked in as order {order.reference}.")
        return redirect("order-page", order.pk)

    def check_in_form(self, visit: Appointment, place: Place, *data: Any, **options: Any) -> CheckInForm:
        return CheckInForm(
            *data,
            visit=visit,
            units=place.units,
            requested=requested_of(visit),
            may_name=self.request.user.has_perm("vehicles.change_vehicle"),
            **options,
        )

    def move(self, visit: Appointment) -> HttpResponseBase:
        form = MoveForm(self.request.POST, visit=visit)
        if not form.is_valid():
            return self.ask(visit, move=form)
        values = form.cleaned_data
        return self.step(
            lambda now: actions.move_appointment(
                appointment=visit,
                start=values["start"],
                bay=values["bay"],
                allow_overlap=values["allow_overlap"],
                by_staff=True,
                now=now,
            ),
            visit,
            "The visit was moved.",
            move=form,
        )

    def show_starts(self, visit: Appointment) -> HttpResponseBase:
        """Show the free starts from another day on, without a script."""
        chosen = {name: self.request.POST.get(name, "") for name in ("start", "bay")}
        return self.ask(visit, move=MoveForm(visit=visit, initial=chosen))

    def assign(self, visit: Appointment) -> HttpResponseBase:
        form = AssignForm(self.request.POST)
        if not form.is_valid():
            return self.ask(visit, assign=form)
        values = form.cleaned_data
        return self.step(
            lambda now: actions.assign_technician(appointment=visit, by=self.by(), now=now, **values),
            visit,
            f"{values['technician']} has the visit.",
            assign=form,
        )

    def start(self, visit: Appointment) -> HttpResponseBase:
        return self.step(
            lambda now: actions.start_appointment(appointment=visit, by=self.by(), now=now),
            visit,
            "The vehicle is in its bay.",
        )

    def complete(self, visit: Appointment) -> HttpResponseBase:
        return self.step(
            lambda now: actions.complete_appointment(appointment=visit, by=self.by(), now=now),
            visit,
            "The bay is free.",
        )

    def cancel(self, visit: Appointment) -> HttpResponseBase:
        return self.step(
            lambda now: actions.cancel_appointment(appointment=visit, by=self.by(), now=now),
            visit,
            "The visit is cancelled.",
        )

    def step(
        self, act: Callable[..., None], visit: Appointment, done: str, **forms_shown: Any
    ) -> HttpResponseBase:
        """Act, and show a refusal at its form, else above the page."""
        try:
            act(Place(self.request).now)
        except DomainError as error:
            for form in forms_shown.values():
                form.add_error(error.field if error.field in form.fields else None, error.text)
            if not forms_shown:
                messages.error(self.request, error.text)
            return self.ask(visit, **forms_shown)
        messages.success(self.request, done)
        return redirect("visit-page", visit.pk)

    def visit(self, pk: int) -> Appointment:
        rows = Appointment.objects.select_related(
            "customer__contact", "vehicle", "location", "bay", "technician", "repair_order"
        )
        found: Appointment = get_object_or_404(rows, pk=pk)
        return found

    def ask(
        self,
        visit: Appointment,
        *,
        check_in: CheckInForm | None = None,
        move: forms.Form | None = None,
        assign: forms.Form | None = None,
    ) -> HttpResponse:
        place, location = Place(self.request), visit.location
        start, end = local_time(location, visit.start), local_time(location, visit.end)
        holds, is_pending = visit.status in HOLDS_A_BAY, visit.status == AppointmentStatus.PENDING
        order = getattr(visit, "repair_order", None)
        context: Json = {
            "visit": visit,
            "order": order,
            "day": start.date(),
            "time": f"{start:%H:%M}–{end:%H:%M}",
            "services": [service.name for service in visit.services.order_by("id")],
            "is_pending": is_pending,
            "holds": holds,
            "advice": self.advice(visit),
            "orders": open_orders_of(visit, but=order),
        }
        if holds and order is None:
            form = check_in or self.check_in_form(visit, place, initial={"description": visit.description})
            context["check_in"] = form
            if "vin" in form.fields:
                context["vin"] = read_vin(str(form["vin"].value() or ""), str(visit.vehicle.year))
        if is_pending:
            context["move"] = move or MoveForm(visit=visit, initial={"start": visit.start.isoformat()})
            context["days"] = self.days(visit, place)
            context["from"] = self.request.POST.get("from", "")
            context["told"] = told_of(visit.customer)
        if holds:
            context["told_of_cancelling"] = told_of_cancelling(visit, place.now)
            context["assign"] = assign or AssignForm(initial={"technician": visit.technician_id})
        return self.show("desk/visits/visit.html", context, place=place)

    def days(self, visit: Appointment, place: Place) -> list[Day]:
        location, now = visit.location, place.now
        first = first_day(self.request.POST.get("from", ""), local_time(location, now).date())
        slots = find_free_slots(
            location=location,
            first=first,
            last=last_bookable_day(location, now),
            length=visit.end - visit.start,
            now=now,
            ignoring=visit,
        )
        return by_day(location, slots)

    def advice(self, visit: Appointment) -> list[Recommendation]:
        return list(open_recommendations(visit.vehicle)[:8])


def requested_of(visit: Appointment) -> list[RepairOrder]:
    """Return the requests of the vehicle that have no visit yet."""
    rows = RepairOrder.objects.filter(
        vehicle=visit.vehicle, status=RepairOrderStatus.REQUESTED, appointment=None
    )
    return list(rows.order_by("-id")[:10])


def open_orders_of(visit: Appointment, *, but: RepairOrder | None) -> list[RepairOrder]:
    rows = RepairOrder.objects.filter(vehicle=visit.vehicle).exclude(pk=but.pk if but else 0)
    return list(rows.exclude(status__in=_ENDED).order_by("-id")[:5])


_ENDED = (RepairOrderStatus.COMPLETED, RepairOrderStatus.DENIED)
