"""Ask for the password again before a sensitive step of a page, then continue with what was sent."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget

from common.domain.errors import TooMany
from common.domain.recent_password import RecentPasswordNeeded, remember_password
from common.http.fallbacks import problem_response
from common.http.problems import problem_from

ADMIN_TEMPLATE = "common/password.html"
_PASSWORD, _STEP = "_password", "_step"
_OWN = frozenset({_PASSWORD, _STEP, "csrfmiddlewaretoken"})


class PasswordForm(forms.Form):
    _password = forms.CharField(
        label="Password",
        strip=False,
        max_length=128,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class RecentPassword:
    """Middleware that answers RecentPasswordNeeded with a page, and reads the password that the page sends.

    The page sends the step's own fields again, so that nothing that was typed is lost. A wrong password counts as one
    at the sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        if request.method != "POST" or getattr(view, "csrf_exempt", False):  # the APIs' views read the body
            return None
        if not request.user.is_authenticated or _PASSWORD not in request.POST:
            return None
        try:
            found = authenticate(
                request, username=request.user.get_username(), password=request.POST[_PASSWORD]
            )
        except TooMany as error:
            problem = problem_from(error)
            assert problem is not None
            return problem_response(request, problem)
        is_right = found is not None and found.pk == request.user.pk
        if is_right:
            remember_password(request.session, now=timezone.now())
        if request.POST.get(_STEP) != "GET":
            return None
        if is_right:
            return redirect(request.get_full_path())
        request.method = "GET"
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RecentPasswordNeeded):
            return ask_password(request, ADMIN_TEMPLATE)
        return None


def ask_password(request: HttpRequest, template: str) -> HttpResponse:
    """Return the page that asks for the password. A dialog of the admin gets its form only."""
    is_wrong = _PASSWORD in request.POST
    form = PasswordForm(request.POST if is_wrong else None)
    if is_wrong:
        form.add_error(_PASSWORD, "This is not your password.")
    sent = [] if request.method == "GET" else request.POST.lists()
    context = {
        "form": form,
        "fields": [(name, value) for name, values in sent if name not in _OWN for value in values],
        "step": request.method,
        "has_files": bool(request.FILES),
        "title": "Enter your password",
    }
    if template == ADMIN_TEMPLATE:
        context = {**admin.site.each_context(request), **context}
    is_dialog = bool(request.headers.get("HX-Request"))
    response = render(request, "common/password_dialog.html" if is_dialog else template, context)
    response["Cache-Control"] = "no-store"
    return response
