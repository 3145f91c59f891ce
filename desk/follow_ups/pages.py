"""The page *Follow-ups*: whom to call about work that was put off, and about what else is due."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from common.domain.errors import DomainError
from common.domain.ids import new_uuid
from desk.follow_ups.calls import get_calls
from desk.follow_ups.due import chosen_source, get_due, tabs_of
from desk.follow_ups.notes import FURTHEST, NOTE, last_calls
from desk.pages import DeskView
from desk.places import Place
from desk.templatetags.desk import short_day
from vehicles.models import Recommendation
from vehicles.recommendations import PERMISSIONS, change_recommendation, dismiss

ASK_AGAIN = timedelta(days=30)  # what the page proposes
CHANGE = "vehicles.change_recommendation"


class LaterForm(forms.Form):
    due_on = forms.DateField(label="Ask again on")


class FollowUpsView(DeskView):
    permission = CHANGE
    title = "Follow-ups"


class FollowUpsPage(FollowUpsView):
    """The customers of a location who put work off, with their phone numbers, the longest ago first.

    `kind` shows what else is due for the customers of the location.
    """

    may = {
        "book": "appointments.add_appointment",
        "dismiss": PERMISSIONS["dismiss"],
        "customer": "customers.view_customer",
        "note": NOTE,
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        place = Place(request)
        if place.location is None:
            return self.show("desk/nowhere.html", {}, place=place)
        number, source = request.GET.get("page"), chosen_source(request)
        tabs = tabs_of(request)
        if source is not None:
            found, due_page = get_due(self.caller(), source, place.location, number=number, now=place.now)
            customers = {row.customer.pk for row in found if row.customer is not None}
            due = {
                "found": found,
                "page": due_page,
                "tabs": tabs,
                "query": f"kind={source.kind}",
                "kind": source.kind,
                "told": last_calls(customers, place),
                "key": new_uuid().hex,
            }
            return self.show("desk/follow_ups/due.html", due, place=place)
        calls, page = get_calls(self.caller(), place.location, number=number, now=place.now)
        context = {
            "tabs": tabs,
            "calls": calls,
            "page": page,
            "told": last_calls((call.customer.pk for call in calls), place),
            "key": new_uuid().hex,
            "today": place.today,
            "again": place.today + ASK_AGAIN,
            "furthest": place.today + FURTHEST,
        }
        return self.show("desk/follow_ups/list.html", context, place=place)


class FollowUpStep(FollowUpsView):
    """Ask about some work again on a later day (`later`), or never (`dismiss`)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
        row = get_object_or_404(Recommendation.objects.visible_to(self.caller()), pk=pk)
        name = row.text.partition("\n")[0]
        try:
            if step == "later":
                day = self.day_of(request)
                if day is not None:
                    change_recommendation(recommendation=row, due_on=day)
                    messages.success(request, f"“{name}” comes back on {short_day(day)}.")
            elif step == "dismiss":
                if not request.user.has_perm(PERMISSIONS["dismiss"]):
                    raise PermissionDenied
                dismiss(recommendation=row)
                messages.success(request, f"“{name}” is not asked about any more.")
            else:
                raise Http404
        except DomainError as error:
            messages.error(request, f"“{name}”: {error.text}")
        return redirect("follow-ups")

    @staticmethod
    def day_of(request: HttpRequest) -> date | None:
        """Return the day that was entered, or tell why it cannot be used and return None."""
        today = Place(request).today
        form = LaterForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Enter the day on which to ask again, like 2026-12-31.")
            return None
        day: date = form.cleaned_data["due_on"]
        if not today < day <= today + FURTHEST:
            messages.error(request, f"Choose a day from tomorrow to {today + FURTHEST}, not {day}.")
            return None
        return day
