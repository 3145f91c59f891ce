"""The page *Webhooks*: where events are sent, what was sent, and sending it again (docs/design, D150)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from billing.once import claim
from common.domain.errors import DomainError
from common.domain.number_fields import WholeField
from common.domain.recent_password import require_recent_password
from common.domain.text_fields import TextFormField
from desk.forms import KeyedForm
from desk.pages import DeskView
from desk.places import Place
from integrations.models import Attempt, Delivery, Webhook
from integrations.webhooks import actions
from integrations.webhooks.addresses import look_up
from integrations.webhooks.models import LONGEST_URL

VIEW, ADD, CHANGE, DELETE = (f"integrations.{verb}_webhook" for verb in ("view", "add", "change", "delete"))
SHOWN = 50  # deliveries of the page


class WebhookForm(KeyedForm):
    url = TextFormField(
        label="URL",
        max_length=LONGEST_URL,
        help_text="It begins with https:// and leads to a public address.",
    )
    description = TextFormField(label="What it is for", max_length=200, required=False)
    types = forms.CharField(
        label="Events",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Types such as billing.invoice.issued, or beginnings such as billing.*, one a line. "
        "Empty for all.",
    )


class SpanForm(forms.Form):
    after = WholeField(label="After event", min_value=0)
    until = WholeField(label="Up to event", min_value=1)


class WebhooksPage(DeskView):
    """The webhooks, and a form for a new one. Its secret is shown once, in the response to the form."""

    permission = VIEW
    title = "Webhooks"
    may = {"add": ADD, "change": CHANGE, "remove": DELETE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.ask(WebhookForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        self.refuse_without(ADD)
        form, now = WebhookForm(request.POST), timezone.now()
        if not form.is_valid():
            return self.ask(form, status=400)
        require_recent_password(request.session, now=now)
        given = form.cleaned_data
        url = look_up(given["url"])  # outside of the transaction
        try:
            with transaction.atomic():
                claim(given["key"], by=self.by(), now=now)
                row = actions.add_webhook(
                    url=url,
                    description=given["description"],
                    types=given["types"].split(),
                    by=self.by(),
                    now=now,
                )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(form, status=400)
        return self.ask(WebhookForm(), made=row)

    def ask(self, form: WebhookForm, *, made: Webhook | None = None, status: int = 200) -> HttpResponse:
        rows = Webhook.objects.select_related("created_by").with_waiting().order_by("-id")
        context = {"webhooks": rows, "form": form, "made": made}
        return self.show("desk/team/webhooks.html", context, place=Place(self.request), status=status)


class WebhookPage(DeskView):
    """One webhook: what was sent lately, and a form to send a span again."""

    permission = VIEW
    title = "Webhook"
    may = {"change": CHANGE}

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.ask(pk, SpanForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        self.refuse_without(CHANGE)
        form = SpanForm(request.POST)
        row = get_object_or_404(Webhook, pk=pk)
        if not form.is_valid():
            return self.ask(pk, form, status=400)
        try:
            count = actions.replay_span(webhook=row, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(pk, form, status=400)
        messages.success(request, f"{count:,} event{'s are' if count > 1 else ' is'} sent again.")
        return redirect("webhook", pk)

    def ask(self, pk: int, form: SpanForm, *, secret: str = "", status: int = 200) -> HttpResponse:
        row = get_object_or_404(Webhook, pk=pk)
        attempts = Prefetch("attempts", Attempt.objects.in_order())
        deliveries = row.deliveries.prefetch_related(attempts).order_by("-id")[:SHOWN]
        context = {"webhook": row, "deliveries": deliveries, "form": form, "secret": secret}
        return self.show("desk/team/webhook.html", context, place=Place(self.request), status=status)


class RotateSecret(WebhookPage):
    """Draw a new secret, and show it once."""

    http_method_names = ["post"]
    permission = CHANGE

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        now = timezone.now()
        require_recent_password(request.session, now=now)
        row = actions.rotate_secret(webhook=get_object_or_404(Webhook, pk=pk), now=now)
        return self.ask(pk, SpanForm(), secret=row.secret)


# Step of the URL -> its permission, what it does, and what the message says.
STEPS: dict[str, tuple[str, Callable[[Webhook, int, datetime], Any], str]] = {
    "test": (
        CHANGE,
        lambda row, by, now: actions.send_test(webhook=row, by=by, now=now),
        "A test event is sent to {}. Its page shows what comes of it.",
    ),
    "enable": (
        CHANGE,
        lambda row, by, now: actions.change_webhook(webhook=row, is_active=True, now=now),
        "{} gets events again.",
    ),
    "disable": (
        CHANGE,
        lambda row, by, now: actions.change_webhook(webhook=row, is_active=False, now=now),
        "{} gets no more events.",
    ),
    "remove": (
        DELETE,
        lambda row, by, now: actions.remove_webhook(webhook=row, now=now),
        "{} is deleted.",
    ),
}


class WebhookStep(DeskView):
    """Test, enable, disable or delete a webhook."""

    http_method_names = ["post"]
    permission = VIEW
    title = "Webhooks"

    def post(self, request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
        if step not in STEPS:
            raise Http404
        permission, act, done = STEPS[step]
        self.refuse_without(permission)
        row = get_object_or_404(Webhook, pk=pk)
        try:
            act(row, self.by(), timezone.now())
        except DomainError as error:
            messages.error(request, error.text)
        else:
            messages.success(request, done.format(row))
        return redirect("webhooks")


class ReplayDelivery(DeskView):
    """Send one delivery again."""

    http_method_names = ["post"]
    permission = CHANGE
    title = "Webhook"

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row = get_object_or_404(Delivery.objects.of_webhooks().select_related("webhook"), pk=pk)
        try:
            actions.replay(delivery=row, now=timezone.now())
        except DomainError as error:
            messages.error(request, error.text)
        else:
            messages.success(request, f"Event {row.event_id} is sent again.")
        return redirect("webhook", row.webhook_id)
