"""Limits, policies and problems around every request."""

from __future__ import annotations

from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from simple_history.models import HistoricalRecords

from common.domain.caller import Caller
from common.domain.errors import Kind
from common.domain.history import acting_user
from common.http.contracts.registry import contract_for
from common.http.fallbacks import problem_response
from common.http.problems import BAD_REQUEST, TOO_LARGE, problem_from
from common.http.routing import view_class_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_LONGEST_LENGTH = 18
_OUTSIDE_VIEWS = (Kind.TOO_MANY, Kind.UNAVAILABLE, Kind.STORAGE_FULL)
_NO_CONTENT = "default-src 'none'; frame-ancestors 'none'"


def has_cookies(request: HttpRequest) -> bool:
    """Return whether the URL is a page's, or of a contract that uses Django's session."""
    contract = contract_for(request.path)
    return contract is None or contract.has_cookies


class HistoryUser:
    """Tell simple-history the acting user.

    Its own middleware hands over `request.user`, which in a contract's view is a Caller that no history row can point
    to.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE_METHODS:
            return self.get_response(request)
        HistoricalRecords.context.request = _Acting(request)
        try:
            return self.get_response(request)
        finally:
            del HistoricalRecords.context.request


class _Acting:
    """The part of a request that simple-history reads: its user, read late, because a view authenticates late."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def user(self) -> AbstractBaseUser | AnonymousUser | None:
        user: object = getattr(self._request, "user", None)
        if isinstance(user, Caller):
            return acting_user(user.user_id)
        # A cookie of the admin, sent along to a token's route, does not name the acting user.
        return self._request.user if has_cookies(self._request) else None


class Refusals:
    """Answer rate limits, database failures and full disks that are met outside a contract's view."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        problem = problem_from(exception)
        if problem is None or problem.kind not in _OUTSIDE_VIEWS:
            return None
        return problem_response(request, problem)


class BodyLimit:
    """Answer 413 as the contract renders it, before the body is read.

    The admin accepts larger files. A route may name a limit of its own (`ContractView.body_limit`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.headers.get("Content-Length") or "0"
        if not (length.isascii() and length.isdigit()):
            return problem_response(request, BAD_REQUEST)
        # Python refuses to parse a number of thousands of digits.
        is_too_large = len(length) > _LONGEST_LENGTH or (
            int(length) > settings.MAX_BODY_BYTES and int(length) > self._limit_of_route(request)
        )
        if is_too_large and contract_for(request.path):
            return problem_response(request, TOO_LARGE)
        return self.get_response(request)

    @staticmethod
    def _limit_of_route(request: HttpRequest) -> int:
        name = getattr(view_class_of(request.path_info), "body_limit", "MAX_BODY_BYTES")
        return int(getattr(settings, name))


class ContentSecurityPolicy(CSPMiddleware):
    """Set the strict policy on every page.

    The admin has its own, because Unfold writes inline styles and evaluates the expressions in its attributes. JSON
    may load nothing at all.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.get("Content-Type") == "application/json" or not has_cookies(request):
            response.headers.setdefault("Content-Security-Policy", _NO_CONTENT)
            return response
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        if request.path.startswith("/admin/"):
            response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        return super().process_response(request, response)
