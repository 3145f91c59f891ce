"""The page of a customer, and its steps: merge, move a vehicle, correct or read an odometer, archive and restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.emails import Origin
from billing.once import claim
from billing.payments import PERMISSIONS as PAYMENTS
from common.domain.distance_fields import add_refusal
from common.domain.errors import DomainError
from common.domain.ids import new_uuid
from common.domain.recent_password import require_recent_password
from common.domain.types import Json
from common.http.address import client_address
from customers.actions import change_customer_at_desk
from customers.duplicates import likely_duplicates
from customers.models import Customer
from customers.queries import find_kept
from desk.customers import figures
from desk.customers.forms import ContactForm, CorrectionForm, ReadingForm
from desk.follow_ups.notes import NOTE
from desk.forms import KeyedForm
from desk.links import customer_url, vehicle_url
from desk.pages import DeskView
from desk.places import Place
from desk.search.find import find_people
from privacy.merge import PERMISSIONS as MERGES
from privacy.merge import merge_customers
from repair_orders.check_in import PERMISSIONS as CHECK_IN
from vehicles import actions as vehicles
from vehicles import odometer
from vehicles.models import Vehicle

VIEW = "customers.view_customer"
MAY = {
    "change": "customers.change_customer",
    "merge": MERGES["merge"],
    "add_vehicle": "vehicles.add_vehicle",
    "restore": vehicles.PERMISSIONS["restore"],
    "archive": vehicles.PERMISSIONS["archive"],
    "transfer": vehicles.PERMISSIONS["transfer"],
    "read": odometer.PERMISSIONS["read_odometer"],
    "correct": odometer.PERMISSIONS["correct_odometer"],
    "take": PAYMENTS["take"],
    "refund": PAYMENTS["refund"],
    "book": "appointments.add_appointment",
    "check_in": CHECK_IN["check_in"],
    "write": "chat.add_conversation",
    "exempt": "repair_orders.add_taxexemption",
    "note": NOTE,
}
FOUND = 20  # customers among whom the steps let the user choose


class CustomerView(DeskView):
    """A page of one customer. The id of a merged customer leads to the one that was kept."""

    permission = VIEW
    title = "Customer"
    may = MAY

    def dispatch(self, request: HttpRequest, *args: Any, customer_id: int, **kwargs: Any) -> HttpResponseBase:
        if request.user.has_perm(self.permission):
            kept = find_kept(pk=customer_id)
            if kept is not None:
                messages.info(request, f"Customer {customer_id} is merged into this one.")
                return redirect(customer_url(kept.pk))
        return super().dispatch(request, *args, customer_id=customer_id, **kwargs)

    def customer(self, pk: int) -> Customer:
        found: Customer = get_object_or_404(Customer.objects.current().with_contact(), pk=pk)
        return found


class CustomerPage(CustomerView):
    """Everything about one customer. With `edit`, the contact is a form."""

    def get(self, request: HttpRequest, customer_id: int) -> HttpResponse:
        customer = self.customer(customer_id)
        form = None
        if "edit" in request.GET and request.user.has_perm(MAY["change"]):
            form = ContactForm(customer=customer)
        return self.show_customer(customer, form)

    def post(self, request: HttpRequest, customer_id: int) -> HttpResponseBase:
        """Change the contact."""
        self.refuse_without(MAY["change"])
        customer = self.customer(customer_id)
        form = ContactForm(request.POST, customer=customer)
        if not form.is_valid():
            return self.show_customer(customer, form)
        changes = form.changes
        if "email" in changes:
            require_recent_password(request.session, now=timezone.now())
        try:
            if changes:
                origin = Origin(user_id=self.by(), address=client_address(request), at=timezone.now())
                change_customer_at_desk(customer=customer, origin=origin, **changes)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            customer.refresh_from_db()  # without what was refused
            return self.show_customer(customer, form)
        messages.success(request, "The contact was changed." if changes else "Nothing was changed.")
        return redirect(customer_url(customer.pk))

    def show_customer(self, customer: Customer, form: ContactForm | None) -> HttpResponse:
        place, user = Place(self.request), self.request.user
        now, asked = timezone.now(), self.request.GET

        def shown(permission: str, find: Callable[[], object]) -> object:
            return find() if user.has_perm(permission) else None

        context: Json = {
            "title": customer.name,
            "customer": customer,
            "form": form,
            "duplicates": likely_duplicates(customer) if user.has_perm(MAY["merge"]) else (),
            "vehicles": shown(
                "vehicles.view_vehicle",
                lambda: figures.vehicles_of(
                    customer,
                    first=_id(asked.get("vehicle")),
                    with_recommendations=user.has_perm("vehicles.view_recommendation"),
                ),
            ),
            "appointments": shown(
                "appointments.view_appointment", lambda: figures.appointments_ahead(customer, now=now)
            ),
            "orders": shown("repair_orders.view_repairorder", lambda: figures.open_orders(customer)),
            "money": shown("billing.view_invoice", lambda: figures.money_of(customer, now=place.now)),
            "conversations": shown("chat.view_conversation", lambda: figures.conversations_of(customer)),
            "parts_orders": shown("orders.view_order", lambda: figures.parts_orders_of(customer)),
            "reminders": shown("reminders.view_remindermail", lambda: figures.reminders_of(customer)),
            "calls": shown("customers.view_phonecall", lambda: figures.calls_of(customer)),
            "key": new_uuid().hex,
            "exemptions": shown("repair_orders.view_taxexemption", lambda: figures.exemptions_of(customer)),
            "past_orders": shown(
                "repair_orders.view_repairorder", lambda: figures.past_orders(customer, asked.get("orders"))
            ),
            "past_invoices": shown(
                "billing.view_invoice", lambda: figures.past_invoices(customer, asked.get("invoices"))
            ),
        }
        return self.show("desk/customers/page.html", context, place=place)


class MergePage(CustomerView):
    """Choose the customer that is kept, compare both, and merge this one into it."""

    permission = MAY["merge"]
    title = "Merge into another customer"

    def get(self, request: HttpRequest, customer_id: int) -> HttpResponse:
        customer = self.customer(customer_id)
        if "into" in request.GET:
            return self.compare(customer, self.into(request.GET["into"]))
        return self.ask(customer)

    def post(self, request: HttpRequest, customer_id: int) -> HttpResponseBase:
        customer, now = self.customer(customer_id), timezone.now()
        into = self.into(request.POST.get("into"))
        require_recent_password(request.session, now=now)
        name = customer.name
        try:
            merge_customers(customer=customer, into=into, by=self.by(), now=now)
        except DomainError as error:
            messages.error(request, error.text)
            return redirect("customer-merge", customer_id)
        messages.success(request, f"{name} was merged into this customer.")
        return redirect(customer_url(into.pk))

    def into(self, text: str | None) -> Customer:
        """Return the customer to keep. Raises Http404."""
        kept: Customer | None = Customer.objects.current().with_contact().filter(pk=_id(text)).first()
        if kept is None:
            raise Http404
        return kept

    def compare(self, customer: Customer, into: Customer) -> HttpResponse:
        place = Place(self.request)
        with_money = self.request.user.has_perm("billing.view_invoice")
        sides = [figures.side_of(row, now=place.now, with_money=with_money) for row in (customer, into)]
        context = {
            "customer": customer,
            "into": into,
            "sides": sides,
            "rows": [
                {"label": label, "texts": [side["facts"][label] for side in sides]}
                for label in sides[0]["facts"]
            ],
            "stays": figures.stays_of(customer, into),
        }
        return self.show("desk/customers/merging.html", context, place=place)

    def ask(self, customer: Customer) -> HttpResponse:
        text = self.request.GET.get("q", "")
        found = find_people(text, limit=FOUND)
        context = {
            "customer": customer,
            "q": text,
            "found": [person for person in found.rows if person.customer != customer],
            "more": found.more,
            "duplicates": likely_duplicates(customer),
        }
        return self.show("desk/customers/merge.html", context)


class VehicleStep(CustomerView):
    """A step with a vehicle of the customer."""

    done: str

    def vehicle(self, customer_id: int, vehicle_id: int) -> Vehicle:
        rows = Vehicle.objects.select_related("customer__contact")
        found: Vehicle = get_object_or_404(rows, pk=vehicle_id, customer=customer_id)
        return found

    def ended(self, vehicle: Vehicle, text: str) -> HttpResponse:
        """Tell what was done, and show the vehicle where it is now."""
        messages.success(self.request, text)
        return redirect(vehicle_url(vehicle.pk, vehicle.customer_id))

    def refused(self, vehicle: Vehicle, error: DomainError) -> HttpResponse:
        messages.error(self.request, error.text)
        return redirect(vehicle_url(vehicle.pk, vehicle.customer_id))


class TransferPage(VehicleStep):
    """Choose the new owner of a vehicle, and move it."""

    permission = MAY["transfer"]
    title = "Move to a new owner"

    def get(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponse:
        return self.ask(self.vehicle(customer_id, vehicle_id))

    def post(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponseBase:
        vehicle = self.vehicle(customer_id, vehicle_id)
        owner = self.customer(_id(request.POST.get("customer")))
        try:
            moved = vehicles.transfer_vehicle(
                vehicle=vehicle, customer=owner, by=self.by(), now=timezone.now()
            )
        except DomainError as error:
            messages.error(request, error.text)
            return redirect("vehicle-transfer", customer_id, vehicle_id)
        return self.ended(
            moved, f"{moved} belongs to {owner} now. Its history stays with the previous owner."
        )

    def ask(self, vehicle: Vehicle) -> HttpResponse:
        text = self.request.GET.get("q", "")
        found = find_people(text, limit=FOUND)
        context = {
            "customer": vehicle.customer,
            "vehicle": vehicle,
            "q": text,
            "found": [person for person in found.rows if person.customer != vehicle.customer],
            "more": found.more,
        }
        return self.show("desk/customers/transfer.html", context)


class _FormStep(VehicleStep):
    """A step that asks for figures and a reason."""

    button: str
    explains: str

    def form_of(self, vehicle: Vehicle, *data: Any) -> KeyedForm:
        raise NotImplementedError

    def act(self, vehicle: Vehicle, **values: Any) -> None:
        raise NotImplementedError

    def get(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponse:
        vehicle = self.vehicle(customer_id, vehicle_id)
        return self.ask(vehicle, self.form_of(vehicle))

    def post(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponseBase:
        vehicle = self.vehicle(customer_id, vehicle_id)
        form = self.form_of(vehicle, request.POST)
        if not form.is_valid():
            return self.ask(vehicle, form)
        values = dict(form.cleaned_data)
        try:
            with transaction.atomic():
                claim(values.pop("key"), by=self.by(), now=timezone.now())
                self.act(vehicle, **values)
        except DomainError as error:
            add_refusal(form, error)
            return self.ask(vehicle, form)
        return self.ended(vehicle, self.done)

    def ask(self, vehicle: Vehicle, form: KeyedForm) -> HttpResponse:
        context = {
            "customer": vehicle.customer,
            "vehicle": vehicle,
            "form": form,
            "button": self.button,
            "explains": self.explains,
            "units": self.units,
        }
        return self.show("desk/customers/figure.html", context)


class CorrectionPage(_FormStep):
    permission = MAY["correct"]
    title = "Correct odometer"
    button = "Correct the odometer"
    explains = "The wrong reading stays in the list and no longer counts."
    done = "The odometer was corrected."

    def form_of(self, vehicle: Vehicle, *data: Any) -> KeyedForm:
        return CorrectionForm(*data, vehicle=vehicle, units=self.units)

    def act(self, vehicle: Vehicle, **values: Any) -> None:
        odometer.correct_odometer(vehicle=vehicle, by=self.by(), now=timezone.now(), **values)


class ReadingPage(_FormStep):
    permission = MAY["read"]
    title = "Read odometer"
    button = "Add the reading"
    explains = "Enter the figure that the instrument shows."
    done = "The reading was added."

    def form_of(self, vehicle: Vehicle, *data: Any) -> KeyedForm:
        return ReadingForm(*data, vehicle=vehicle, units=self.units)

    def act(self, vehicle: Vehicle, **values: Any) -> None:
        odometer.read_odometer(vehicle=vehicle, by=self.by(), now=timezone.now(), **values)


class RestoreStep(VehicleStep):
    """Bring an archived vehicle back into use."""

    http_method_names = ["post"]
    permission = MAY["restore"]

    def post(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponseBase:
        vehicle = self.vehicle(customer_id, vehicle_id)
        try:
            vehicles.restore_vehicle(vehicle=vehicle)
        except DomainError as error:
            return self.refused(vehicle, error)
        return self.ended(vehicle, "The vehicle is in use again.")


class ArchiveStep(VehicleStep):
    """Archive a vehicle. Restoring it is the step back."""

    http_method_names = ["post"]
    permission = MAY["archive"]

    def post(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponseBase:
        vehicle = self.vehicle(customer_id, vehicle_id)
        try:
            vehicles.archive_vehicle(vehicle=vehicle, now=timezone.now())
        except DomainError as error:
            return self.refused(vehicle, error)
        return self.ended(vehicle, "The vehicle is archived.")


def _id(text: str | None) -> int:
    """Return the id that a URL or a form names, 0 for none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
