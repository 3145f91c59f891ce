"""Coming in, going out, and a forgotten password: Django's views over the actions every door shares."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views import View

from accounts.actions import change_password
from accounts.models import User, normal_email
from common import counters
from common.address import client_address
from common.contracts.fleet import FLEET_LOGIN
from common.errors import TooMany
from portal.fleet.mail import send_reset

MAIL_WINDOW_SECONDS = 60 * 60


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "This email and password do not belong together.",
        "inactive": "This account is closed.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "maxlength": 254, "autofocus": True}
        )


class SignIn(LoginView):
    """The session's key is a new one after every sign-in; `next` leads to this host alone."""

    template_name = "fleet/login.html"
    authentication_form = SignInForm
    next_page = reverse_lazy("fleet-dashboard")
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as error:
            context = self.get_context_data(form=SignInForm(request), too_many=error.text)
            response = render(request, self.template_name, context, status=429)
            response["Retry-After"] = str(error.retry_after)
            return response


class SignOut(LogoutView):
    """By POST alone; whoever follows the address finds the login."""

    next_page = FLEET_LOGIN
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("fleet-dashboard" if request.user.is_authenticated else "fleet-login")


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label="Email", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


class ForgottenPassword(View):
    """Mails a link to whoever has this email; whether anybody has is not told."""

    template = "fleet/forgotten.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, self.template, {"form": ForgottenForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgottenForm(request.POST)
        if not form.is_valid():
            return render(request, self.template, {"form": form}, status=400)
        ask_for_reset(email=form.cleaned_data["email"], address=client_address(request))
        return render(request, self.template, {"sent_to": form.cleaned_data["email"]})


def ask_for_reset(*, email: str, address: str) -> None:
    """Raises TooMany, for known and unknown emails alike."""
    email = normal_email(email)
    for key, limit in (
        (f"reset-from:{address}", settings.RATE_REGISTER),
        (f"reset:{email}", settings.RATE_LOGIN),
    ):
        wait = counters.hit(key, limit=limit, window=MAIL_WINDOW_SECONDS)
        if wait is not None:
            raise TooMany(retry_after=wait)
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None:
        send_reset(user)


class NewPasswordForm(SetPasswordForm):
    """Set by the action, which ends every session."""

    def save(self, commit: bool = True) -> User:
        change_password(user=self.user, password=self.cleaned_data["new_password1"], now=timezone.now())
        return self.user


class NewPassword(PasswordResetConfirmView):
    """By a mailed link. The token moves into the session, so that no address the page asks for carries it."""

    template_name = "fleet/new_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("fleet-login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        self.request.session["password_is_new"] = True
        return response


