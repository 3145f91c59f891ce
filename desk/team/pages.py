"""The page *Team*: the logins of staff, a new one, and letting somebody out or in again (docs/design, D119)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.actions import set_active
from accounts.models import User
from accounts.names import MAX_NAME_LENGTH
from billing.once import claim
from common.domain.caller import STAFF
from common.domain.errors import DomainError
from common.domain.text_fields import EmailFormField, TextFormField
from desk.forms import KeyedForm
from desk.pages import DeskView
from desk.places import Place
from desk.setup.actions import Login, add_login
from desk.setup.forms import ROLES

ADD = "accounts.add_user"
STEPS = {"out": (False, "is out. Every session has ended."), "in": (True, "may sign in again.")}


class LoginForm(KeyedForm):
    name = TextFormField(label="Name", max_length=MAX_NAME_LENGTH)
    email = EmailFormField(label="Email", max_length=254)
    role = forms.ChoiceField(label="Role", choices=ROLES)
    password = forms.CharField(
        label="First password",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="They change it themselves.",
    )


class TeamView(DeskView):
    permission = "accounts.change_user"
    title = "Team"
    may = {"add": ADD}

    def may_change(self, user: User) -> bool:
        """Return whether the one who asks may let this user out. It is the rule of the table of users."""
        table: Any = admin.site.get_model_admin(User)
        return user != self.request.user and table.has_change_permission(self.request, user)

    def ask(self, form: LoginForm, *, status: int = 200) -> HttpResponse:
        rows = User.objects.people().filter(role__in=STAFF).select_related("technician__location")
        team = [
            (user, self.may_change(user))
            for user in rows.order_by("-is_active", "first_name", "last_name", "id")
        ]
        return self.show(
            "desk/team/team.html", {"team": team, "form": form}, place=Place(self.request), status=status
        )


class TeamPage(TeamView):
    """Everybody of staff. A new technician belongs to the location of the page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.ask(LoginForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = LoginForm(request.POST)
        if not form.is_valid():
            return self.ask(form, status=400)
        values = {name: form.cleaned_data[name] for name in ("name", "email", "role", "password")}
        try:
            with transaction.atomic():
                claim(form.cleaned_data["key"], by=self.by(), now=timezone.now())
                user = add_login(Login(**values), Place(request).location)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(form, status=400)
        messages.success(request, f"{user} may sign in as {user.get_role_display().lower()}.")
        return redirect("team")


class TeamStep(TeamView):
    """Let somebody out at once (`out`), or in again (`in`). Sessions that have ended stay ended."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
        if step not in STEPS:
            raise Http404
        user = get_object_or_404(User.objects.people(), pk=pk, role__in=STAFF)
        if not self.may_change(user):
            raise PermissionDenied
        is_active, done = STEPS[step]
        set_active(user=user, is_active=is_active, now=timezone.now())
        messages.success(request, f"{user} {done}")
        return redirect("team")
