"""Live updates: a token for the socket, in a session that ends when the user signs out of the pages."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from accounts.actions import end_page_session, ensure_page_session
from chat.sockets import tokens
from portal.fleet.pages import FleetPage

_SESSION_KEY = "socket_session"


class Live(FleetPage):
    """Issue a token that opens `/chat/ws` once within 30 seconds, for a user who is signed in to the pages."""

    is_for_viewers = True  # a socket is for reading too
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        session = ensure_page_session(
            user_id=self.caller.user_id, known=request.session.get(_SESSION_KEY), now=timezone.now()
        )
        request.session[_SESSION_KEY] = str(session)
        ticket = tokens.issue(caller=replace(self.caller, session=session))
        return JsonResponse({"ticket": ticket, "expires_in": tokens.LIFETIME_SECONDS}, status=201)


def end_socket_session(request: HttpRequest) -> None:
    """End the session of the page's sockets, which closes them when the user signs out."""
    end_page_session(known=request.session.get(_SESSION_KEY), now=timezone.now())
