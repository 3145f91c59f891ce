"""The second factor on the pages: the step after the password, and the page to set it up and remove it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import segno
from asgiref.sync import sync_to_async
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import HASH_SESSION_KEY, get_user, logout, update_session_auth_hash
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views import View
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import second_factor
from accounts.models import RecoveryCode, User
from accounts.second_factor import WrongCode
from common.domain.recent_password import require_recent_password
from common.http.address import client_address

# Of Django's session: the factor whose code was entered, and the secret that is being set up.
_PASSED, _SECRET = "second_factor", "second_factor_secret"


class SecondFactorGate:
    """Middleware that treats a session as not signed in until its second factor was entered or set up.

    Every page, and every route that reads Django's session, therefore needs the whole sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Read late, because most requests carry a token and never read the session.
        request.user = SimpleLazyObject(partial(_whole_user, request))  # type: ignore[assignment]
        request.auser = partial(_whole_user_async, request)
        return self.get_response(request)


def _whole_user(request: HttpRequest) -> User | AnonymousUser:
    user = get_user(request)
    assert isinstance(user, (User, AnonymousUser))
    return AnonymousUser() if isinstance(user, User) and _is_half_way(request, user) else user


async def _whole_user_async(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_whole_user)(request)


def _is_half_way(request: HttpRequest, user: User) -> bool:
    if second_factor.is_missing(user):
        return True
    return second_factor.is_asked(user) and request.session.get(_PASSED) != _factor_of(user)


def _factor_of(user: User) -> str:
    return f"{user.pk} {user.second_factor_since}"


def user_half_way(request: HttpRequest) -> User | None:
    """Return the user whose password was entered and whose second factor was not."""
    user = get_user(request)
    return user if isinstance(user, User) and _is_half_way(request, user) else None


def _mark_passed(request: HttpRequest, user: User) -> None:
    request.session.cycle_key()
    request.session[_PASSED] = _factor_of(user)
    # `update_session_auth_hash` does nothing for a user half way.
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the admin's sign-in, or the second step of one."""
    if request.method == "GET" and user_half_way(request):
        return _to_step(request)
    return admin.site.login(request)


def _to_step(request: HttpRequest) -> HttpResponse:
    url = reverse("second-factor-step")
    following = request.GET.get("next")
    return redirect(f"{url}?{urlencode({'next': following})}" if following else url)


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class SecondFactorStep(View):
    """Enter the code after the password. A user who must have a second factor and has none is led to its page."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        user = user_half_way(request)
        if user is None:
            return redirect(self._next())
        if second_factor.is_missing(user):
            return redirect("second-factor")
        return self._show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        if "leave" in request.POST:
            logout(request)
            return redirect("admin:login")
        user, form = user_half_way(request), CodeForm(request.POST)
        if user is None or second_factor.is_missing(user):
            return self.get(request)
        if form.is_valid():
            try:
                second_factor.check_code(
                    user=user,
                    code=form.cleaned_data["code"],
                    address=client_address(request),
                    now=timezone.now(),
                )
            except WrongCode as error:
                form.add_error("code", error.text)
            else:
                _mark_passed(request, user)
                return redirect(self._next())
        return self._show(form)

    def _show(self, form: CodeForm) -> HttpResponse:
        context = {**admin.site.each_context(self.request), "title": "Enter your code", "form": form}
        return render(self.request, "accounts/second_factor_step.html", context)

    def _next(self) -> str:
        url = self.request.GET.get("next", "")
        is_here = url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return url if is_here else reverse("admin:index")


class SecondFactorPage(View):
    """Set up a second factor, renew its recovery codes, or remove it. Each needs a recent password."""

    http_method_names = ["get", "post"]
    user: User

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        signed_in = request.user if isinstance(request.user, User) else None
        user = signed_in or user_half_way(request)
        if user is None or not user.is_staff or not (signed_in or second_factor.is_missing(user)):
            return redirect(f"{reverse('admin:login')}?{urlencode({'next': request.path})}")
        # A user half way through the sign-in has just entered the password, or signs in anew.
        if signed_in:
            require_recent_password(request.session, now=timezone.now())
        self.user = user
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        step = {"remove": self._remove, "renew": self._renew}.get(request.POST.get("step", ""), self._set_up)
        form = CodeForm(request.POST)
        if form.is_valid():
            try:
                return step(form.cleaned_data["code"])
            except WrongCode as error:
                form.add_error("code", error.text)
            except (second_factor.SecondFactorExists, second_factor.NoSecondFactor) as error:
                messages.error(request, error.text)  # another window was faster
                return redirect("second-factor")
        return self._show(form)

    def _set_up(self, code: str) -> HttpResponse:
        secret = self.request.session.get(_SECRET, "")
        if not secret:
            return self._show(CodeForm())
        codes = second_factor.set_up(user=self.user, secret=secret, code=code, now=timezone.now())
        del self.request.session[_SECRET]
        return self._signed_in_with(codes)

    def _renew(self, code: str) -> HttpResponse:
        self._check(code)
        return self._signed_in_with(second_factor.renew_recovery_codes(user=self.user))

    def _remove(self, code: str) -> HttpResponse:
        self._check(code)
        second_factor.remove(user=self.user, now=timezone.now())
        update_session_auth_hash(self.request, self.user)
        messages.success(self.request, "Your second factor is removed.")
        return redirect("second-factor")

    def _check(self, code: str) -> None:
        second_factor.check_code(
            user=self.user, code=code, address=client_address(self.request), now=timezone.now()
        )

    def _signed_in_with(self, codes: list[str]) -> HttpResponse:
        """Show the recovery codes. They are on no other page, so the response is not a redirect."""
        _mark_passed(self.request, self.user)
        self.request.user = self.user
        return self._show(CodeForm(), codes=codes)

    def _show(self, form: CodeForm, *, codes: list[str] | None = None) -> HttpResponse:
        is_inside = self.request.user.is_authenticated
        context = {
            **admin.site.each_context(self.request),
            "layout": "admin/base_site.html" if is_inside else "unfold/layouts/unauthenticated.html",
            "is_inside": is_inside,
            "title": "Second factor",
            "form": form,
            "codes": codes,
            "since": self.user.second_factor_since,
            "is_required": second_factor.is_required(self.user),
        }
        if self.user.second_factor_since is None:
            secret = self.request.session.setdefault(_SECRET, second_factor.new_secret())
            link = second_factor.get_link(self.user, secret)
            context |= {
                "picture": segno.make(link, error="m").svg_data_uri(scale=4, border=2, light="white"),
                "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
            }
        else:
            context["codes_left"] = RecoveryCode.objects.filter(factor__user=self.user).count()
        return render(self.request, "accounts/second_factor.html", context)
