"""The admin's page of the user's own sessions, and the note of a browser's sign-in."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from accounts.actions import remember_address
from accounts.models import User
from accounts.own_sessions import ORIGIN_KEY, end_other_sessions, end_own_session, list_sessions
from common.domain.errors import Missing
from common.http.address import client_address

_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")


def note_sign_in(request: HttpRequest, user: User, **_: object) -> None:
    """Note in the session from where and with which browser its user signed in, and remember the address."""
    now, address = timezone.now(), client_address(request) if request.META.get("REMOTE_ADDR") else ""
    if address:
        remember_address(user=user, address=address, now=now)
    request.session[ORIGIN_KEY] = {
        "at": now.isoformat(),
        "address": address,
        "browser": name_browser(request.headers.get("User-Agent", "")),
    }


def name_browser(agent: str) -> str:
    """Return a short name like `Firefox on Windows`, or "" if the header names no known browser."""
    browser = next((name for name in _BROWSERS if name in agent), "")
    system = next((name for name in _SYSTEMS if name in agent), "")
    return " on ".join(filter(None, (_NAMES.get(browser, browser), system)))


def act_on_sessions(request: HttpRequest, user_id: int) -> None:
    """End the session or the others that a form names, and add a message."""
    now, present = timezone.now(), request.session.session_key
    if "others" in request.POST:
        end_other_sessions(user_id=user_id, present=present, now=now)
        messages.success(request, "All other sessions have ended.")
        return
    try:
        end_own_session(user_id=user_id, id=request.POST.get("session", ""), now=now)
    except Missing:
        messages.error(request, "This session has ended already.")
    else:
        messages.success(request, "The session has ended.")


class SessionsPage(View):
    """The sessions of the signed-in member of staff. The admin's site checks who opens it."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        assert isinstance(request.user, User)
        sessions = list_sessions(
            user_id=request.user.pk, present=request.session.session_key, now=timezone.now()
        )
        context = {**admin.site.each_context(request), "title": "My sessions", "sessions": sessions}
        return render(request, "accounts/sessions.html", context)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        assert isinstance(request.user, User)
        act_on_sessions(request, request.user.pk)
        return redirect("own-sessions")
