from __future__ import annotations

import errno

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.urls import path
from rest_framework.permissions import AllowAny

from catalogue.models import Part
from common.domain.errors import TooMany
from common.http.bodies import JSONResponse
from common.http.contracts.registry import CONTRACTS
from common.http.contracts.shop import STAFF, ShopView
from common.http.permissions import SignedIn
from common.http.routing import route

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Make(ShopView):
    permission_classes = [SignedIn]

    def post(self, request):
        Part.objects.create(name="Wiper", part_number="W", unit_price=1)
        return JSONResponse(status=201)


class MakeOpen(Make):
    permission_classes = [AllowAny]


class StaffMake(Make):
    contract = STAFF


def page(request):
    if "full" in request.path:
        raise OSError(errno.ENOSPC, "internal words")
    if "away" in request.path:
        raise OperationalError("server closed the connection")
    if "many" in request.path:
        raise TooMany(retry_after=7)
    if "denied" in request.path:
        raise PermissionDenied
    return HttpResponse("ok")


urlpatterns = [
    route("api/shop/parts/", Make.as_view()),
    route("api/shop/open/", MakeOpen.as_view()),
    route("api/shop/staff/", StaffMake.as_view()),
    path("admin/page", page),
    *(
        path(name, page)
        for name in (
            "page",
            "away",
            "full",
            "api/shop/full",
            "many",
            "denied",
            "api/shop/away",
            "customer/many",
        )
    ),
]
handler403 = "common.http.fallbacks.forbidden"


class TestHistoryUser:
    def test_history_of_a_contracts_view_names_the_caller(self, as_alice, alice):
        assert as_alice.post("/api/shop/parts/").status_code == 201
        assert Part.history.get().history_user_id == alice.contact_id

    def test_history_of_an_unauthenticated_request_names_no_user(self, api):
        assert api.post("/api/shop/open/").status_code == 201
        assert Part.history.get().history_user_id is None

    def test_session_names_its_user_only_during_the_request(self, client, ada):
        client.force_login(ada)
        assert client.post("/api/shop/open/").status_code == 201
        Part.objects.create(name="Blade", part_number="B", unit_price=1)
        assert list(Part.history.order_by("pk").values_list("history_user_id", flat=True)) == [None, None]


class TestRefusals:
    @pytest.mark.parametrize(
        ("address", "status", "retry", "title", "detail"),
        [
            ("/away", 503, "5", "Service unavailable", "The service cannot answer right now."),
            ("/many", 429, "7", "Too many requests", "Too many requests. Try again later."),
        ],
    )
    def test_page_outside_a_contract(self, client, address, status, retry, title, detail):
        response = client.get(address)
        assert (response.status_code, response["Retry-After"]) == (status, retry)
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert f"<h1>{title}</h1>" in response.content.decode()
        assert detail in response.content.decode()

    def test_contract_renders_problems_of_its_urls(self, client):
        response = client.get("/api/shop/away")
        assert response.status_code == 503
        assert response.json() == {
            "error": "Service unavailable",
            "detail": "The service cannot answer right now. Try again in a few seconds.",
        }
        response = client.get("/customer/many")
        assert (response.status_code, response.json()) == (
            429, {"error": "Too many requests. Try again later."}
        )  # fmt: skip

    def test_full_disk_is_507(self, client):
        response = client.get("/full")
        assert (response.status_code, "<h1>Storage full</h1>" in response.content.decode()) == (507, True)
        response = client.get("/api/shop/full")
        assert (response.status_code, response.json()) == (
            507,
            {
                "error": "Storage full",
                "detail": "The server has no space left to store this. Nothing was saved. Try again later.",
            },
        )

    def test_other_exceptions_are_left_to_django(self, client):
        response = client.get("/denied")
        assert response.status_code == 403
        assert "<h1>Access denied</h1>" in response.content.decode()


class TestBodyLimit:
    @pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
    def test_body_above_the_limit_is_413_as_the_contract_renders_it(self, client, settings, contract):
        length = settings.MAX_BODY_BYTES + 1
        response = client.post(
            contract.prefixes[0], "{}", content_type="application/json", CONTENT_LENGTH=str(length)
        )
        detail = "The request body is larger than this server takes."
        short = contract.name in ("member", "fleet")
        assert response.status_code == 413
        assert response.json() == (
            {"error": detail} if short else {"error": "Request too large", "detail": detail}
        )

    def test_413_of_the_staffs_api_has_a_code(self, client, settings):
        length = str(settings.MAX_BODY_BYTES + 1)
        response = client.post(
            "/api/shop/staff/", "{}", content_type="application/json", CONTENT_LENGTH=length
        )
        assert (response.status_code, response.json()) == (
            413,
            {
                "error": "Request too large",
                "detail": "The request body is larger than this server takes.",
                "code": "too_large",
            },
        )

    @pytest.mark.parametrize("length", ["9" * 5000, "9" * 30])
    def test_absurd_length_is_413(self, client, length):
        response = client.post("/api/shop/parts/", "", content_type="application/json", CONTENT_LENGTH=length)
        assert response.status_code == 413

    @pytest.mark.parametrize("length", ["x", "-1", "²", "1.0"])
    def test_invalid_length_is_400(self, as_alice, length):
        response = as_alice.generic("POST", "/api/shop/parts/", "", CONTENT_LENGTH=length)
        assert response.status_code == 400
        assert response.json() == {
            "error": "Bad request", "detail": "The request cannot be read.", "fields": {}
        }  # fmt: skip
        assert not Part.objects.exists()

    def test_empty_length_is_no_body(self, as_alice):
        assert as_alice.generic("POST", "/api/shop/parts/", "", CONTENT_LENGTH="").status_code == 201

    def test_pages_have_no_limit_here(self, client, settings):
        assert client.post("/page", CONTENT_LENGTH=str(settings.MAX_BODY_BYTES + 1)).status_code == 200


class TestContentSecurityPolicy:
    def test_pages_have_the_strict_policy_and_the_admin_its_own(self, client):
        strict = client.get("/page")["Content-Security-Policy"]
        admin = client.get("/admin/page")["Content-Security-Policy"]
        assert "default-src 'none'" in strict
        assert "unsafe" not in strict
        assert "script-src 'self' 'unsafe-eval'" in admin
        assert "default-src 'none'" in admin


@pytest.mark.urls("config.urls")
class TestHeadersOfEveryPage:
    """Also on errors that are raised before the view or before the host is checked."""

    @pytest.fixture(
        params=[
            {"path": "/customer/login/"},
            {"path": "/admin/login/"},
            {"path": "/nothing"},
            {"path": "/customer/login/", "CONTENT_LENGTH": "999999999", "HTTP_ACCEPT": "text/html"},
            {"path": "/", "HTTP_HOST": "evil.example"},
        ],
        ids=["page", "admin", "404", "413", "other host"],
    )
    def headers(self, client, request):
        return client.get(**request.param).headers

    def test_headers_forbid_framing_and_foreign_use(self, headers):
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]

    def test_inline_scripts_are_forbidden(self, headers):
        scripts = next(
            p for p in headers["Content-Security-Policy"].split("; ") if p.startswith("script-src")
        )
        assert "'unsafe-inline'" not in scripts

    def test_hostile_requests_log_no_traceback(self, client, caplog):
        fields = {f"field{number}": "" for number in range(2_000)}
        for response in (
            client.get("/page", headers={"host": "evil.example"}),
            client.post("/customer/login/", fields),
        ):
            assert response.status_code == 400
        assert {record.name for record in caplog.records} == {"garage.requests"}
