"""Pages to sign in, sign out and reset a password. They call the actions that the APIs and the admin use."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from accounts.passwords import ResetRefused, WeakPassword, request_reset, reset_password
from accounts.second_factor_pages import user_half_way
from common.domain.errors import TooMany
from common.http.address import client_address
from common.http.contracts.fleet import FLEET
from portal.fleet.live import end_socket_session
from portal.fleet.mailed import MailedPage, page_url


def new_password_page() -> str:
    """Return the URL of the page that an emailed link opens, without its token."""
    return page_url("fleet-new-password")


class SignInForm(AuthenticationForm):
    error_messages = {"invalid_login": "This email and password do not belong together."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "maxlength": 254, "autofocus": True}
        )


class SignIn(LoginView):
    """Sign in. The session gets a new key, and `next` may only lead to this host."""

    template_name = "fleet/login.html"
    authentication_form = SignInForm
    next_page = "fleet-dashboard"
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        # A member of staff whose second factor is missing would come back here.
        is_half_way = user_half_way(self.request) is not None
        return reverse("second-factor-step") if is_half_way else super().get_success_url()

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as error:
            context = self.get_context_data(form=SignInForm(request), too_many=error.text)
            return with_retry_after(render(request, self.template_name, context, status=429), error)


class SignOut(LogoutView):
    """Sign out by POST. A GET redirects to the dashboard or the sign-in."""

    next_page = FLEET.login
    http_method_names = ["get", "post"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        end_socket_session(request)
        return super().post(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("fleet-dashboard" if request.user.is_authenticated else "fleet-login")


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label="Email", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


class ForgottenPassword(View):
    """Email a reset link. The response does not reveal whether an account has this email."""

    template = "fleet/forgotten.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, self.template, {"form": ForgottenForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgottenForm(request.POST)
        if not form.is_valid():
            return render(request, self.template, {"form": form}, status=400)
        email = form.cleaned_data["email"]
        try:
            request_reset(email=email, address=client_address(request), page=new_password_page())
        except TooMany as error:
            context = {"form": form, "too_many": error.text}
            return with_retry_after(render(request, self.template, context, status=429), error)
        return render(request, self.template, {"sent_to": email})


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=128,
        help_text="At least 8 characters, and not one of the usual ones.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Repeat the password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password", again):
            raise forms.ValidationError("The two passwords are not the same.", code="differ")
        return again


class NewPassword(MailedPage):
    """Set a password by an emailed link."""

    template = "fleet/new_password.html"
    cookie = "fleet_reset"
    name = "fleet-new-password"

    def show_page(self) -> HttpResponse:
        return self.show(form=NewPasswordForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = NewPasswordForm(request.POST)
        if form.is_valid():
            try:
                reset_password(
                    token=self.token,
                    password=form.cleaned_data["password"],
                    address=client_address(request),
                    now=timezone.now(),
                )
            except ResetRefused:
                return self.show_spent()
            except WeakPassword as error:
                form.add_error("password", error.messages)
            else:
                messages.success(request, "Your password is set. Sign in with it.")
                return self.forget(redirect("fleet-login"))
        return self.show(form=form, status=400)


def with_retry_after(response: HttpResponse, error: TooMany) -> HttpResponse:
    """Add the seconds to wait to a page with the status 429."""
    response["Retry-After"] = str(error.retry_after)
    return response
