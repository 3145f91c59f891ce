"""The page *Intake*: from "hello" to a booked visit in one form."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from appointments.mail import address_for_visits
from appointments.models import Location, ServiceType
from appointments.queries import local_time
from billing.once import claim
from common.domain.distance_fields import add_refusal
from common.domain.errors import DomainError
from common.domain.types import Json
from customers.calls.actions import PERMISSIONS as CALLS
from customers.models import Customer
from desk.intake.actions import Intake, Visit, take_in
from desk.intake.forms import CAR, NO_START, IntakeForm
from desk.intake.likely import MOST as MOST_LIKELY
from desk.intake.likely import Likely, find_likely
from desk.intake.starts import Starts, find_starts, first_day
from desk.intake.vins import read_vin
from desk.pages import DeskView
from desk.places import Place
from desk.search.find import MOST, find_people
from desk.texts import car_name
from desk.visits.told import told_of
from repair_orders.models import OPEN_STATUSES, RepairOrder, RepairOrderStatus
from vehicles.models import Recommendation, RecommendationStatus, Vehicle
from vehicles.vin import normalize_vin

FOUND = 10  # customers that the find box shows
MOST_VEHICLES = 200  # of a fleet, the newest, beside the one that is chosen
_FIELDS = {"start": "start", "bay_id": "bay", "technician": "technician", "name": "first_name"}


class IntakePage(DeskView):
    """Find or enter a customer and a vehicle, and book a visit or check it in.

    The URL may name what is chosen: `customer`, `vehicle`, `location`, `bay`, `start`, and `q`, a text to find.
    """

    permission = "appointments.add_appointment"
    title = "Intake"
    may: ClassVar[dict[str, str]] = {
        "enter": "customers.add_customer",
        "check_in": "repair_orders.add_repairorder",
        "note": CALLS["note_call"],
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        place = Place(request)
        part = request.GET.get("part")
        if part == "found":
            text = request.GET.get("q", "")[:200]
            found = find_people(text, limit=FOUND)
            return render(request, "desk/intake/found.html", {"q": text, "found": found, "most": MOST})
        if part == "vin":
            return render(
                request,
                "desk/intake/vin.html",
                {"vin": read_vin(request.GET.get("vin", "")[:40], request.GET.get("year", ""))},
            )
        if place.location is None:
            return self.show("desk/nowhere.html", {}, place=place)
        if part == "starts":
            form = self.form(place.location, request.GET)
            starts = self.starts(place, form)
            return render(
                request,
                "desk/intake/starts.html",
                {
                    "form": form,
                    "days": starts.days,
                    "why_not_now": starts.why_not_now,
                    "can_leave": self.can_leave(),
                    "from": request.GET.get("from", ""),
                },
            )
        customer = self.customer(request.GET.get("customer", ""))
        form = self.form(place.location, None, customer=customer, initial=self.initial(request, customer))
        return self.ask(place, form)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        place = Place(request)
        if place.location is None:
            return redirect("intake")
        customer = self.customer(request.POST.get("use") or request.POST.get("customer", ""))
        data = request.POST.copy()
        form = self.form(place.location, data, customer=customer)
        if "use" in data and len(form.vehicles) == 1 and not any(data.get(name) for name in CAR):
            data["vehicle"] = next(iter(form.vehicles))
        pressed = request.POST.get("do", "")
        do, is_new = pressed.removesuffix("_new"), pressed.endswith("_new")
        if do == "show" or "use" in request.POST or not form.is_valid():
            return self.ask(place, form, is_checked=do != "show" and "use" not in request.POST)
        if customer is None:
            if not request.user.has_perm(self.may["enter"]):
                form.add_error(None, "Your role may not enter customers. Choose one.")
                return self.ask(place, form)
            likely = find_likely(
                {
                    name: form.cleaned_data[name]
                    for name in ("first_name", "last_name", "company_name", "phone", "email")
                },
                {name: form.cleaned_data[name] for name in ("license_plate", "vin")},
            )
            if likely and not is_new:
                return self.ask(place, form, likely=likely, do=do)
        wants_visit = not form.cleaned_data["no_visit"]
        if wants_visit and (do == "check_in" or form.is_left):
            self.refuse_without(self.may["check_in"])
        if not wants_visit and form.said and not request.user.has_perm(self.may["note"]):
            form.add_error("description", "Your role may not note calls. Clear this, or choose a start.")
            return self.ask(place, form)
        try:
            taken = self.take(place, form, customer, checks_in=do == "check_in")
        except DomainError as error:
            _refuse(form, error)
            return self.ask(place, form)
        return self.leave(place, taken)

    def take(self, place: Place, form: IntakeForm, customer: Customer | None, *, checks_in: bool) -> Intake:
        """Enter what the form says, once for its key."""
        values, visit = form.cleaned_data, None
        assert place.location is not None
        if not values["no_visit"]:
            visit = Visit(
                location=place.location,
                start=form.starts_at,
                services=list(values["services"]),
                description=values["description"],
                bay=values["bay"],
                technician=values["technician"],
                allow_overlap=values["allow_overlap"],
                is_left=form.is_left,
                checks_in=checks_in,
                odometer=form.miles,
                promised_at=form.promised,
                key_tag=values["key_tag"],
                order=values["order"],
            )
        with transaction.atomic():
            claim(values["key"], by=self.by(), now=place.now)
            return take_in(
                customer=customer or form.person,
                vehicle=form.chosen or form.car,
                visit=visit,
                said=form.said if values["no_visit"] else "",
                by=self.by(),
                now=place.now,
            )

    def leave(self, place: Place, taken: Intake) -> HttpResponseBase:
        """Say what was stored, and go where the work goes on."""
        location, appointment = place.location, taken.appointment
        assert location is not None
        if taken.order is not None and taken.vehicle is not None:
            number = taken.order.reference
            messages.success(self.request, f"{car_name(taken.vehicle)} is checked in as order {number}.")
            return redirect("order-page", taken.order.pk)
        if appointment is None:
            noted = " What they said is noted as a call." if taken.call else ""
            messages.success(self.request, f"{taken.customer.name} is entered.{noted}")
            return redirect("customer-page", taken.customer.pk)
        start = local_time(location, appointment.start)
        at = f"{start:%A} {start.day} {start:%B}, {start:%H:%M}, {appointment.bay}"
        address = address_for_visits(taken.customer)
        told = f" A confirmation goes to {address}." if address else f" {told_of(taken.customer)}"
        if appointment.start <= place.now:
            told = ""  # they are here
        messages.success(self.request, f"{taken.customer.name} is booked: {at}.{told}")
        query = urlencode({"day": start.date().isoformat(), "location": str(location.pk)})
        return redirect(f"{reverse('today')}?{query}#visit-{appointment.pk}")

    def customer(self, text: str) -> Customer | None:
        """Return the customer whose id the text is, or None."""
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            return None
        return Customer.objects.current().with_contact().filter(pk=int(text)).first()

    def form(
        self, location: Location, data: Any, *, customer: Customer | None = None, initial: Json | None = None
    ) -> IntakeForm:
        vehicles: list[Vehicle] = []
        requested: list[RepairOrder] = []
        if customer is not None:
            rows = Vehicle.objects.in_use().filter(customer=customer).order_by("-id")
            vehicles = list(rows[:MOST_VEHICLES])
            chosen = str((data if data is not None else initial or {}).get("vehicle", ""))
            if chosen.isascii() and chosen.isdigit() and int(chosen) not in {row.pk for row in vehicles}:
                vehicles += rows.filter(pk=chosen)
            requested = list(
                RepairOrder.objects.filter(
                    customer=customer, status=RepairOrderStatus.REQUESTED, appointment=None
                ).select_related("vehicle")
            )
        return IntakeForm(
            data,
            customer=customer,
            vehicles=vehicles,
            location=location,
            requested=requested,
            initial=initial,
        )

    def initial(self, request: HttpRequest, customer: Customer | None) -> Json:
        given = {name: request.GET[name] for name in ("start", "bay", "vehicle") if request.GET.get(name)}
        if customer is None:
            given |= guess(request.GET.get("q", "")[:200])
        return given

    def ask(
        self,
        place: Place,
        form: IntakeForm,
        *,
        likely: list[Likely] | None = None,
        is_checked: bool = True,
        do: str = "book",
    ) -> HttpResponse:
        """Show the form. What is not to be checked yet shows no errors."""
        if form.is_bound and not is_checked:
            form.full_clean()
            form.errors.clear()
        customer, request = form.customer, self.request
        text = request.GET.get("q", "")[:200]
        if customer is not None and not form.is_bound and len(form.vehicles) == 1:
            form.initial.setdefault("vehicle", next(iter(form.vehicles)))
        starts = self.starts(place, form)
        if starts.why_not_now and form.has_error("start", NO_START):
            form.errors["start"] = form.error_class([starts.why_not_now])
        context = {
            "form": form,
            "customer": customer,
            "q": text,
            "found": find_people(text, limit=FOUND) if text and customer is None else None,
            "most": MOST,
            "likely": likely,
            "most_likely": MOST_LIKELY,
            "do": do,
            "days": starts.days,
            "why_not_now": starts.why_not_now,
            "can_leave": self.can_leave(),
            "services": services_of(form),
            "standing": standing_of(customer, place) if customer is not None else None,
            "vin": read_vin(str(form["vin"].value() or ""), str(form["year"].value() or "")),
            "from": self.request.POST.get("from") or self.request.GET.get("from", ""),
        }
        return self.show("desk/intake/intake.html", context, place=place)

    def starts(self, place: Place, form: IntakeForm) -> Starts:
        assert place.location is not None
        chosen = form["services"].value() or []
        ids = [int(value) for value in map(str, chosen) if value.isascii() and value.isdigit()]
        services = ServiceType.objects.filter(pk__in=ids)
        bay_id = str(form["bay"].value() or "")
        bays = form.fields["bay"].queryset  # type: ignore[attr-defined]
        bay = bays.filter(pk=int(bay_id)).first() if bay_id.isascii() and bay_id.isdigit() else None
        given = self.request.POST.get("from") or self.request.GET.get("from") or ""
        first = first_day(given, place.today)
        can_leave = self.can_leave()
        return find_starts(place.location, services, first=first, now=place.now, bay=bay, can_leave=can_leave)

    def can_leave(self) -> bool:
        """Return whether the user may take in a vehicle without a bay."""
        return bool(self.request.user.has_perm(self.may["check_in"]))


def _refuse(form: IntakeForm, error: DomainError) -> None:
    """Put a refusal where its value stands in the form."""
    if error.code == "no_free_bay":
        form.add_error("start", ValidationError(error.text, code=NO_START))
        return
    name = _FIELDS.get(error.field or "", error.field or "")
    if error.code == "slot_taken":
        name = "start"
    if error.code in ("technician_is_busy", "technician_is_away"):
        name = "technician"
    add_refusal(form, error, name)


def guess(text: str) -> dict[str, str]:
    """Return the fields of a new customer that a text which found nobody fills: phone, email, VIN, plate or name."""
    text = text.strip()
    letters = [letter for letter in text if letter.isalpha()]
    digits = [letter for letter in text if letter.isdigit()]
    if not text:
        return {}
    if "@" in text:
        return {"email": text}
    if len(digits) >= 7 and not letters:
        return {"phone": text}
    if len(normalize_vin(text)) == 17 and digits:
        return {"vin": text, "vehicle": "new"}
    if digits:
        return {"license_plate": text, "vehicle": "new"}
    first, _, last = text.rpartition(" ")
    return {"first_name": first or last, "last_name": last if first else ""}


def services_of(form: IntakeForm) -> Json:
    """Return the services as choices with their minutes: the first eight and those that are chosen, and the others."""
    chosen = {str(value) for value in form["services"].value() or []}
    rows = [
        {"id": row.pk, "name": row.name, "minutes": row.minutes, "is_chosen": str(row.pk) in chosen}
        for row in ServiceType.objects.order_by("name", "id")
    ]
    few = [row for number, row in enumerate(rows) if number < 8 or row["is_chosen"]]
    return {"few": few, "more": [row for row in rows if row not in few], "count": len(rows)}


def standing_of(customer: Customer, place: Place) -> Json:
    """Return what the desk should know of a customer who is chosen: open orders and recommended work."""
    orders = RepairOrder.objects.filter(customer=customer, status__in=OPEN_STATUSES).select_related("vehicle")
    advice = Recommendation.objects.filter(
        vehicle__customer=customer, vehicle__archived_at=None, status=RecommendationStatus.OPEN
    ).select_related("vehicle")
    return {"orders": list(orders.order_by("-id")[:5]), "advice": list(advice.order_by("-id")[:8])}
