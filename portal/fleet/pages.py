"""The base of the portal's pages, which are for logins of a customer only."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import structlog
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views import View
from rest_framework.permissions import SAFE_METHODS

from appointments.queries import get_units
from common.domain import counters, errors
from common.domain.caller import Caller, Role, page_caller_loader
from common.domain.recent_password import RecentPasswordNeeded
from common.domain.units import Units
from common.http.contracts.fleet import FLEET
from common.http.permissions import check_write
from common.http.problems import problem_from
from common.http.recent_password import ask_password
from customers.models import Customer

NO_PROFILE = "fleet/no_profile.html"


class FleetPage(View):
    """A page for the logins of a fleet.

    A user who is not signed in is redirected to the sign-in and back. Staff and logins without a customer record get
    a 404 page with the reason. A domain error that the page does not handle becomes a page with the contract's status.
    """

    template: ClassVar[str]
    section: ClassVar[str]  # the active entry of the navigation bar
    caller: Caller
    is_for_viewers: ClassVar[bool] = False  # whether the page's POST changes nothing of the company
    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), FLEET.login)
        self.caller = page_caller_loader()(request.user)
        structlog.contextvars.bind_contextvars(user_id=self.caller.user_id)
        try:
            response = self._dispatch_for_customers(request, *args, **kwargs)
        except errors.DomainError as error:
            response = error_page(request, error)
        except RecentPasswordNeeded:
            response = ask_password(request, "fleet/password_again.html")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _dispatch_for_customers(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        wait = counters.hit(f"user:{self.caller.user_id}", limit=settings.RATE_USER, window=60)
        if wait is not None:
            raise errors.TooMany(retry_after=wait)
        if self.caller.role != Role.CUSTOMER or self.caller.customer_id is None:
            return render(request, NO_PROFILE, {"is_staff": self.caller.is_staff}, status=404)
        if request.method not in SAFE_METHODS and not self.is_for_viewers:
            check_write(self.caller)
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def measures(self) -> Units:
        """Return the units in which the company reads and types distances. Its units are its vehicles."""
        return get_units(Customer.objects.get(pk=self.caller.account))

    def show(self, status: int = 200, **context: object) -> HttpResponse:
        """Render the page's template with `context`."""
        return render(
            self.request,
            self.template,
            {
                "company": self.caller.customer_name,
                "section": self.section,
                "is_owner": self.caller.is_owner,
                "may_write": not self.caller.is_viewer,
                **context,
            },
            status=status,
        )


def error_page(request: HttpRequest, error: errors.DomainError) -> HttpResponse:
    """Render a domain error as a page of the portal."""
    problem = problem_from(error)
    assert problem is not None
    status, _, headers = FLEET.render_problem(problem)
    response = render(request, FLEET.page, {"problem": problem}, status=status)
    for name, value in headers.items():
        response[name] = value
    return response
