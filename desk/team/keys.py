"""The page *API keys*: the keys of machines, a new one, and revoking one (docs/design, D141)."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.keys.actions import MOST_DAYS, PERMISSIONS, create_api_key, revoke
from accounts.keys.models import KEY_ROLES, ApiKey
from billing.once import claim
from common.domain.caller import Role
from common.domain.errors import DomainError
from common.domain.number_fields import WholeField
from common.domain.recent_password import require_recent_password
from common.domain.text_fields import TextFormField
from desk.forms import KeyedForm
from desk.pages import DeskView
from desk.places import Place

VIEW = "accounts.view_apikey"


class ApiKeyForm(KeyedForm):
    name = TextFormField(label="What uses it", max_length=80, help_text="The history names it so.")
    role = forms.ChoiceField(
        label="Role",
        choices=[(role, Role(role).label) for role in KEY_ROLES],
        help_text="It may do what this role may do.",
    )
    days = WholeField(
        label="Days",
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text="How long it works. Empty for no end.",
    )
    addresses = forms.CharField(
        label="Addresses",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="IP addresses or networks from which it works, one a line. Empty for all.",
    )


class KeysPage(DeskView):
    """The keys. A new key is shown once, in the response to its form."""

    permission = VIEW
    title = "API keys"
    may = {"add": PERMISSIONS["create"], "revoke": PERMISSIONS["revoke"]}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.ask(ApiKeyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        self.refuse_without(self.may["add"])
        form, now = ApiKeyForm(request.POST), timezone.now()
        if not form.is_valid():
            return self.ask(form, status=400)
        require_recent_password(request.session, now=now)
        given = form.cleaned_data
        try:
            with transaction.atomic():
                claim(given["key"], by=self.by(), now=now)
                row, key = create_api_key(
                    name=given["name"],
                    role=given["role"],
                    by=self.by(),
                    now=now,
                    expires_at=now + timedelta(days=given["days"]) if given["days"] else None,
                    addresses=given["addresses"].split(),
                )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(form, status=400)
        return self.ask(ApiKeyForm(), made=row, key=key)

    def ask(
        self, form: ApiKeyForm, *, made: ApiKey | None = None, key: str = "", status: int = 200
    ) -> HttpResponse:
        now = timezone.now()
        rows = ApiKey.objects.select_related("user", "created_by").order_by("-id")
        keys = [
            (row, row.revoked_at is None and (row.expires_at is None or row.expires_at > now)) for row in rows
        ]
        context = {"keys": keys, "form": form, "made": made, "key": key}
        return self.show("desk/team/keys.html", context, place=Place(self.request), status=status)


class RevokeKey(DeskView):
    """Revoke a key."""

    http_method_names = ["post"]
    permission = PERMISSIONS["revoke"]
    title = "API keys"

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row = get_object_or_404(ApiKey, pk=pk)
        try:
            revoke(key=row, now=timezone.now())
        except DomainError as error:
            messages.error(request, error.text)
        else:
            messages.success(request, f"The key {row} is revoked.")
        return redirect("api-keys")
