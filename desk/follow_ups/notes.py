"""Note calls to customers, on the list of follow-ups and on the customer's page (docs/design, D118)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from billing.once import claim
from common.domain.errors import DomainError
from common.domain.text_fields import TextFormField
from customers.calls.actions import PERMISSIONS, note_call
from customers.calls.models import PhoneCall
from customers.models import Customer
from desk.links import customer_url
from desk.pages import DeskView
from desk.places import Place
from desk.templatetags.desk import short_day
from reminders.due import SOURCES

NOTE = PERMISSIONS["note_call"]
FURTHEST = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Told:
    """What the list says about the last call to a customer. `is_due` says whether to call again by now."""

    call: PhoneCall
    is_due: bool


def last_calls(customers: Iterable[int], place: Place) -> dict[int, Told]:
    """Return the last call to each customer who was called, by the customer's id. One query."""
    rows = PhoneCall.objects.filter(customer__in=list(customers)).last_ones().select_related("by")
    return {
        row.customer_id: Told(row, row.next_on is not None and row.next_on <= place.today) for row in rows
    }


class NoteForm(forms.Form):
    key = forms.CharField(max_length=100)
    outcome = TextFormField(max_length=500)
    next_on = forms.DateField(required=False)


class CallStep(DeskView):
    """Note a call to a customer. It leads back to the page on which it was noted."""

    http_method_names = ["post"]
    permission = NOTE
    title = "Note a call"

    def post(self, request: HttpRequest, customer_id: int) -> HttpResponseBase:
        customer = get_object_or_404(Customer.objects.current(), pk=customer_id)
        form, today = NoteForm(request.POST), Place(request).today
        day = form.cleaned_data.get("next_on") if form.is_valid() else None
        if not form.is_valid():
            what = (
                "the day of the next call like 2026-12-31"
                if "next_on" in form.errors
                else "what came of the call"
            )
            messages.error(request, f"Enter {what}.")
        elif day is not None and not today <= day <= today + FURTHEST:
            messages.error(
                request, f"Choose a day from today to {today + FURTHEST} for the next call, not {day}."
            )
        else:
            self.note(customer, form)
        return redirect(self.back(customer))

    def note(self, customer: Customer, form: NoteForm) -> None:
        values = form.cleaned_data
        try:
            with transaction.atomic():
                now = timezone.now()
                claim(f"{values['key']}:{customer.pk}"[:100], by=self.by(), now=now)
                note_call(
                    customer=customer,
                    outcome=values["outcome"],
                    next_on=values["next_on"],
                    by=self.by(),
                    now=now,
                )
        except DomainError as error:
            messages.error(self.request, error.text)
            return
        again = f" Next call on {short_day(values['next_on'])}." if values["next_on"] else ""
        messages.success(self.request, f"The call to {customer.name} is noted.{again}")

    def back(self, customer: Customer) -> str:
        """Return the customer's page, or the tab and page of the list that the form names."""
        sent = self.request.POST
        if sent.get("to") == "customer":
            return f"{customer_url(customer.pk)}#calls"
        query: dict[str, str] = {}
        if (kind := sent.get("kind", "")) in {source.kind for source in SOURCES}:
            query["kind"] = kind
        if (page := sent.get("page", "")).isdecimal():
            query["page"] = page
        return reverse("follow-ups") + (f"?{urlencode(query)}" if query else "")
