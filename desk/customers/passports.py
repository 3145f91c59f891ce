"""The passport of a vehicle at the desk: on the screen, as PDF, and shared by links (docs/design, D140)."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from billing.once import claim
from common.domain.errors import DomainError
from desk.customers.forms import ShareForm
from desk.customers.pages import VehicleStep
from desk.places import Place
from passports import actions
from passports.contents import get_passport
from passports.forms import link_to_withdraw
from passports.links import PASSPORTS
from passports.papers.actions import passport_paper
from passports.papers.layout import page_of
from passports.queries import find_live, get_link
from repair_orders.papers.serving import pdf_response
from vehicles.models import Vehicle


class PassportPage(VehicleStep):
    """The passport with the history of all owners, and its links. The paper and the links show what the owner sees."""

    permission = actions.PERMISSIONS["passport"]
    title = "Passport"
    may = VehicleStep.may | {
        "see_links": actions.PERMISSIONS["passport_links"],
        "share": actions.PERMISSIONS["share_passport"],
        "withdraw": actions.PERMISSIONS["withdraw_passport"],
    }

    def get(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponse:
        return self.show_passport(self.vehicle(customer_id, vehicle_id), ShareForm())

    def post(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponseBase:
        """Make a link, or withdraw the one that is named."""
        vehicle = self.vehicle(customer_id, vehicle_id)
        return self.withdraw(vehicle) if "withdraw" in request.POST else self.share(vehicle)

    def share(self, vehicle: Vehicle) -> HttpResponseBase:
        self.refuse_without(self.may["share"])
        form, now = ShareForm(self.request.POST), timezone.now()
        if not form.is_valid():
            return self.show_passport(vehicle, form)
        values = dict(form.cleaned_data)
        try:
            with transaction.atomic():
                claim(values.pop("key"), by=self.by(), now=now)
                actions.share(vehicle=vehicle, now=now, **values)
        except DomainError as error:
            form.add_error(None, error.text)
            return self.show_passport(vehicle, form)
        messages.success(self.request, "The link is made.")
        return redirect("vehicle-passport", vehicle.customer_id, vehicle.pk)

    def withdraw(self, vehicle: Vehicle) -> HttpResponseBase:
        self.refuse_without(self.may["withdraw"])
        try:
            actions.withdraw(link=get_link(vehicle, link_to_withdraw(self.request.POST)), now=timezone.now())
        except DomainError as error:
            messages.error(self.request, error.text)
        else:
            messages.success(self.request, "The link is withdrawn.")
        return redirect("vehicle-passport", vehicle.customer_id, vehicle.pk)

    def show_passport(self, vehicle: Vehicle, form: ShareForm) -> HttpResponse:
        now = timezone.now()
        links = find_live(vehicle, now=now) if self.request.user.has_perm(self.may["see_links"]) else []
        context = {
            **page_of(get_passport(vehicle=vehicle, now=now, with_all_owners=True, units=self.units)),
            "customer": vehicle.customer,
            "vehicle": vehicle,
            "form": form,
            "links": [{"row": link, "url": PASSPORTS.url_of(link.uuid, link.token_hash)} for link in links],
        }
        return self.show("desk/customers/passport.html", context, place=Place(self.request))


class PassportPaper(VehicleStep):
    """The passport as PDF, as the owner of the vehicle sees it."""

    http_method_names = ["get", "head"]
    permission = actions.PERMISSIONS["passport_pdf"]

    def get(self, request: HttpRequest, customer_id: int, vehicle_id: int) -> HttpResponse:
        vehicle = self.vehicle(customer_id, vehicle_id)
        return pdf_response(passport_paper(get_passport(vehicle=vehicle, now=timezone.now())))
