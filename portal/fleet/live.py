"""Pages that show states hear of their changes: a ticket for the socket, for a session that ends with the page's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from accounts.actions import end_session_of_pages, session_of_pages
from chat.sockets import tokens
from portal.fleet.pages import FleetPage

_KEPT_AS = "socket_session"


class Live(FleetPage):
    """A ticket that opens `/chat/ws` once, within half a minute, for whoever is signed in to the pages."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session = session_of_pages(
            user_id=self.caller.user_id, known=request.session.get(_KEPT_AS), now=timezone.now()
        )
        request.session[_KEPT_AS] = str(session)
        ticket = tokens.issue(caller=replace(self.caller, session=session))
        return JsonResponse({"ticket": ticket, "expires_in": tokens.LIFETIME_SECONDS}, status=201)


def hang_up(request: HttpRequest) -> None:
    """Sockets of these pages close: their owner signs out."""
    end_session_of_pages(known=request.session.get(_KEPT_AS), now=timezone.now())
