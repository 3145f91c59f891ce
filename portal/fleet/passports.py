"""The passport of a unit: on the screen, as PDF, and shared by links (docs/design, D140)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from common.domain.errors import DomainError
from passports import actions
from passports.contents import get_passport
from passports.forms import link_to_withdraw
from passports.links import PASSPORTS
from passports.papers.actions import passport_paper
from passports.papers.layout import page_of
from passports.queries import find_live, get_link
from portal.fleet.forms import ShareForm
from portal.fleet.units import UnitPageBase
from repair_orders.papers.serving import pdf_response
from vehicles.models import Vehicle


class PassportPage(UnitPageBase):
    """The passport of a unit. Owners and approvers see its links, make them and withdraw them."""

    template = "fleet/passport.html"
    section = "units"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show_passport(self.unit(id), ShareForm())

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        """Make a link, or withdraw the one that is named."""
        unit = self.unit(id)
        if "withdraw" in request.POST:
            return self.withdraw(unit)
        form = ShareForm(request.POST)
        if form.is_valid():
            try:
                actions.share(vehicle=unit, now=timezone.now(), **form.cleaned_data)
            except DomainError as error:
                form.add_domain_error(error)
            else:
                messages.success(request, "The link is made. Copy it and send it to the reader.")
                return redirect("fleet-passport", id=id)
        return self.show_passport(unit, form, status=400)

    def withdraw(self, unit: Vehicle) -> HttpResponse:
        try:
            actions.withdraw(link=get_link(unit, link_to_withdraw(self.request.POST)), now=timezone.now())
        except DomainError as error:
            messages.error(self.request, error.text)
        else:
            messages.success(self.request, "The link is withdrawn.")
        return redirect("fleet-passport", id=unit.pk)

    def show_passport(self, unit: Vehicle, form: ShareForm, status: int = 200) -> HttpResponse:
        now = timezone.now()
        links = [] if self.caller.is_viewer else find_live(unit, now=now)
        return self.show(
            **page_of(get_passport(vehicle=unit, now=now)),
            unit=unit,
            form=form,
            links=[{"row": link, "url": PASSPORTS.url_of(link.uuid, link.token_hash)} for link in links],
            status=status,
        )


class PassportPaperPage(UnitPageBase):
    """The passport of a unit as PDF."""

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return pdf_response(passport_paper(get_passport(vehicle=self.unit(id), now=timezone.now())))
