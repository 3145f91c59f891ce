"""The page of the first run, for a shop without a location."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from appointments.models import Location
from common.domain.errors import DomainError
from desk.pages import DeskView
from desk.setup.actions import set_up
from desk.setup.forms import ZONES, LoginFormSet, SetupForm


class SetupPage(DeskView):
    """Enter the shop. It ends at Today. A shop that has a location is changed on the pages of its tables."""

    permission = "appointments.add_location"
    title = "Set up the shop"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if Location.objects.exists():
            return redirect("today")
        return self.ask(SetupForm(), LoginFormSet())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form, logins = SetupForm(request.POST), LoginFormSet(request.POST)
        if not (form.is_valid() & logins.is_valid()):
            return self.ask(form, logins)
        given = [(row, row.login) for row in logins if row.login is not None]
        if given and not request.user.has_perm("accounts.add_user"):
            form.add_error(None, "Your role may not add logins. Leave them out.")
            return self.ask(form, logins)
        try:
            location = set_up(
                location=form.location,
                hours=form.hours,
                bays=form.cleaned_data["bays"],
                per_hour=form.cleaned_data["per_hour"],
                tax_percent=form.cleaned_data["tax_percent"],
                logins=[login for _, login in given],
            )
        except DomainError as error:
            where: Any = form if error.item is None else given[error.item][0]
            where.add_error(error.field if error.field in where.fields else None, error.text)
            return self.ask(form, logins)
        messages.success(request, f"{location} is ready. Customers and vehicles can be imported from files.")
        return redirect("today")

    def ask(self, form: SetupForm, logins: Any) -> HttpResponse:
        return self.show("desk/setup/setup.html", {"form": form, "logins": logins, "zones": ZONES})
