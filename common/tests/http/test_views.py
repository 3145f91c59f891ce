"""The base of every JSON route: permissions, problems, exceptions and rates."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from common.domain import errors
from common.http.bodies import JSONResponse
from common.http.contracts.registry import CONTRACTS
from common.http.contracts.shop import ShopView
from common.http.permissions import CustomerRole, CustomersOnly, SignedIn, StaffOnly
from common.http.routing import route
from common.http.views import ContractView

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Body(serializers.Serializer):
    licensePlate = serializers.CharField(source="license_plate")  # noqa: N815
    make = serializers.CharField(required=False)


class Forgetful(ShopView):
    """A view without permission classes."""

    def get(self, request):
        return JSONResponse({"secret": 1})


def view(permission, contract=None, **attributes):
    class View(ContractView):
        permission_classes = [permission]
        input_class = Body

        def get(self, request):
            return JSONResponse({"role": getattr(request.user, "role", None)})

        def post(self, request):
            body = self.read_body()
            raise errors.Invalid("Taken.", field=body.get("make", "license_plate"))

        def delete(self, request):
            raise OperationalError("server closed the connection: SELECT secret FROM accounts_user")

        def put(self, request):
            raise RuntimeError("A fault of ours: SELECT secret")

    View.contract = contract or ShopView.contract
    return View.as_view()


urlpatterns = [
    route("api/shop/forgetful/", Forgetful.as_view()),
    *(
        route(f"api/shop/{permission.__name__}/", view(permission))
        for permission in (AllowAny, SignedIn, CustomerRole, CustomersOnly, StaffOnly)
    ),
    *(route(f"{contract.name}/", view(AllowAny, contract)) for contract in CONTRACTS),
]
handler500 = "common.http.fallbacks.server_error"

UNAUTHENTICATED = (401, {"detail": "Authentication credentials were not provided."})
FORBIDDEN = (403, {"error": "Access denied", "detail": "You do not have permission to perform this action."})
NOT_A_CUSTOMER = (403, {"error": "Access denied", "detail": "This endpoint is only accessible to customers."})
NOT_STAFF = (403, {"error": "Access denied", "detail": "This endpoint is only accessible to staff."})
NO_RECORD = (
    404,
    {
        "error": "No customer record found for this user",
        "detail": "This user account is not linked to a customer record. Please contact support.",
    },
)


def ok(role):
    return 200, {"role": role}


# permission -> statuses without a caller, for a customer, a customer without a record, and a technician
GATES = {
    "forgetful": (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, FORBIDDEN),
    "AllowAny": (ok(None), ok("customer"), ok("customer"), ok("technician")),
    "SignedIn": (UNAUTHENTICATED, ok("customer"), ok("customer"), ok("technician")),
    "CustomerRole": (UNAUTHENTICATED, ok("customer"), ok("customer"), NOT_A_CUSTOMER),
    "CustomersOnly": (UNAUTHENTICATED, ok("customer"), NO_RECORD, NOT_A_CUSTOMER),
    "StaffOnly": (UNAUTHENTICATED, NOT_STAFF, NOT_STAFF, ok("technician")),
}


@pytest.mark.parametrize("gate", GATES)
def test_permissions_by_caller(gate, api, as_alice, carol, as_tim, sign_in):
    answers = [client.get(f"/api/shop/{gate}/") for client in (api, as_alice, sign_in(carol), as_tim)]
    assert tuple((answer.status_code, answer.json()) for answer in answers) == GATES[gate]


def test_401_names_the_scheme(api):
    assert api.get("/api/shop/SignedIn/")["WWW-Authenticate"] == 'Bearer realm="api"'


def test_405_names_the_methods(as_alice):
    response = as_alice.patch("/api/shop/SignedIn/", {}, format="json")
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, POST, PUT, DELETE"
    assert response.json() == {"error": "Method not allowed", "detail": 'Method "PATCH" not allowed.'}


@pytest.mark.parametrize("method", ["options", "trace"])
def test_other_methods_are_405(as_alice, method):
    assert as_alice.generic(method.upper(), "/api/shop/SignedIn/").status_code == 405


@pytest.mark.parametrize("method", ["get", "head", "post", "patch"])
def test_responses_forbid_caching(api, as_alice, method):
    for client in (api, as_alice):
        response = getattr(client, method)("/api/shop/SignedIn/")
        assert response["Cache-Control"] == "no-store"


def test_head_is_a_get_without_a_body(as_alice):
    response = as_alice.head("/api/shop/SignedIn/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("domain", "wire"), [("license_plate", "licensePlate"), ("make", "make"), ("vin", "vin")]
)
def test_domain_field_is_renamed_to_the_bodys(api, domain, wire):
    response = api.post("/api/shop/AllowAny/", {"licensePlate": "A", "make": domain}, format="json")
    assert response.status_code == 400
    assert response.json() == {"error": "Invalid input", "detail": "Taken.", "fields": {wire: ["Taken."]}}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
class TestFaults:
    AWAY = "The service cannot answer right now. Try again in a few seconds."
    OURS = "Something went wrong on our side. It has been logged."

    def told(self, contract, title, detail):
        return (
            {"error": detail} if contract.name in ("member", "fleet") else {"error": title, "detail": detail}
        )

    def test_unavailable_database_is_503(self, api, contract):
        response = api.delete(f"/{contract.name}/")
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert response.json() == self.told(contract, "Service unavailable", self.AWAY)

    def test_exception_is_500_without_a_traceback(self, client, contract, settings, monkeypatch):
        monkeypatch.setattr("common.http.fallbacks.contract_for", lambda path: contract)
        client.raise_request_exception = False
        settings.DEBUG = False
        response = client.put(f"/{contract.name}/", "{}", content_type="application/json")
        assert (response.status_code, response["Content-Type"]) == (500, "application/json")
        assert response.json() == self.told(contract, "Server error", self.OURS)


class TestRate:
    def test_requests_above_the_rate_are_429(self, as_alice, as_bob, settings):
        settings.RATE_USER = 2
        assert [as_alice.get("/api/shop/SignedIn/").status_code for _ in range(2)] == [200, 200]
        response = as_alice.get("/api/shop/SignedIn/")
        assert response.status_code == 429
        assert response.json() == {
            "error": "Too many requests",
            "detail": "Too many requests. Try again later.",
        }
        assert 1 <= int(response["Retry-After"]) <= 60
        assert as_bob.get("/api/shop/SignedIn/").status_code == 200

    def test_unauthenticated_requests_are_not_counted(self, api, settings):
        settings.RATE_USER = 1
        assert [api.get("/api/shop/AllowAny/").status_code for _ in range(3)] == [200] * 3


def test_failing_look_up_of_the_caller_is_503(as_alice, monkeypatch):
    def away(session):
        raise OperationalError("connection refused")

    monkeypatch.setattr("common.http.authentication.caller_loader", lambda: away)
    assert as_alice.get("/api/shop/SignedIn/").status_code == 503
