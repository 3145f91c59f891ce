"""Contract 001, the fleet portal. It uses Django sessions and redirects to its login. Errors are `{error}`."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions, serializers

from common.domain.types import Json
from common.http.authentication import SessionCaller
from common.http.contracts.base import Contract
from common.http.lists import BareList
from common.http.problems import Problem
from common.http.views import ContractView
from common.reads.serializers import Serializer

_NOT_FOUND = ("Customer profile not found", "Customer profile not found")


class FleetError(Serializer):
    error = serializers.CharField()


class FleetConflict(FleetError):
    code = serializers.CharField(
        required=False, help_text="`po_number_needed` if the company requires one. Of an answer, always."
    )
    total = serializers.FloatField(
        required=False, help_text="The present total, where another one was approved."
    )


class FleetForbidden(FleetError):
    code = serializers.CharField(required=False, help_text="`over_approval_limit` above the login's limit.")
    limit = serializers.FloatField(required=False, help_text="The most that this login may approve.")


class FleetContract(Contract):
    name = "fleet"
    title = "Fleet"
    about = (
        "Contract 001, the portal of fleets: repairs, estimates, inspections, invoices and statements of a company. "
        "Authenticated by the session of the portal's pages. Amounts are JSON numbers, lists are arrays."
    )
    prefixes = ("/customer/",)
    has_cookies = True
    login = "/customer/login/"
    page = "fleet/problem.html"
    # Staff get the same 404 as a login without a customer record, as the contract prints it.
    wording = {"customers_only": _NOT_FOUND, "no_customer_record": _NOT_FOUND}

    def status(self, problem: Problem) -> int:
        return 404 if problem.code == "customers_only" else super().status(problem)

    def prefers_html(self, request: HttpRequest) -> bool:
        """Return whether a browser requests a page of the portal, and not its JSON."""
        is_json = request.path.startswith("/customer/api")
        return not is_json and "text/html" in request.headers.get("accept", "")

    def body(self, problem: Problem) -> Json:
        facts = {
            name: float(fact) if isinstance(fact, Decimal) else fact for name, fact in problem.facts.items()
        }
        return {"error": problem.detail} | facts  # amounts are numbers here

    def error_serializer(self, status: int) -> type[Serializer]:
        return {403: FleetForbidden, 409: FleetConflict}.get(status, FleetError)


FLEET = FleetContract()


class FleetView(ContractView):
    """A JSON route. Like the pages, it redirects unauthenticated requests to the login."""

    contract = FLEET
    authentication_classes = [SessionCaller]

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        if isinstance(exc, exceptions.NotAuthenticated):
            return redirect_to_login(self.request.get_full_path(), FLEET.login)
        return super().handle_exception(exc)


class FleetList(BareList, FleetView):
    """A bare array of the caller's own rows."""
