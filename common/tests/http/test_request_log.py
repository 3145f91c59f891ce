from __future__ import annotations

import gc
import logging
import re
from datetime import UTC, datetime

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path
from django.utils import timezone
from prometheus_client import REGISTRY
from rest_framework.request import Request

from accounts.actions import open_session
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopView
from common.http.permissions import SignedIn
from common.http.request_log import RequestLine
from common.http.routing import route
from testing.factories import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Parts(ShopView):
    permission_classes = [SignedIn]

    def post(self, request):
        return JSONResponse({"parts": [{"id": n} for n in range(10)]}, status=201)


def page(request):
    if "away" in request.path:
        raise OperationalError("server closed the connection")
    return HttpResponse(f"{1 // ('fault' not in request.path)}")


urlpatterns = [
    route("api/shop/parts/", Parts.as_view()),
    *(path(name, page) for name in ("page", "away", "fault")),
]


def test_request_id_is_made_and_returned(client):
    first, second = (client.get("/page")["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("given", ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", "x" * 64])
def test_clients_request_id_is_kept(client, given):
    assert client.get("/page", HTTP_X_REQUEST_ID=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "-", "x" * 65, "a b", "a\nb", 'a","level":"x', "é", "²"])
def test_request_id_that_could_forge_a_line_is_replaced(client, given):
    answered = client.get("/page", HTTP_X_REQUEST_ID=given)["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", answered)


def test_errors_return_the_request_id(client, api):
    assert "X-Request-ID" in client.get("/away")
    assert "X-Request-ID" in client.get("/fault/x")
    assert "X-Request-ID" in api.post("/api/shop/parts/")


def test_neither_query_string_nor_secrets_are_logged(client, api, caplog, settings, written):
    with caplog.at_level("DEBUG"):
        client.get("/page?token=s3cr3t-in-query", HTTP_AUTHORIZATION="Bearer s3cr3t-in-header")
        api.post("/api/shop/parts/?token=s3cr3t-in-query", {"password": PASSWORD}, format="json")
        client.get("/away?token=s3cr3t-in-query")
    assert '"GET /page"' in written()
    lines = [record.getMessage() for record in caplog.records] + [caplog.text, written()]
    assert not [line for line in lines if "s3cr3t" in line or PASSWORD in line or "?" in line]


def test_line_has_user_method_path_status_and_time(as_alice, alice, written):
    answered = as_alice.post("/api/shop/parts/", HTTP_X_REQUEST_ID="r-1")
    line = written.as_json()[-1]
    assert line.pop("ms") > 0
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "event": "request_finished", "level": "info", "logger": "garage.requests", "request": "POST /api/shop/parts/",
        "code": answered.status_code, "request_id": "r-1", "user_id": alice.contact_id,
    }  # fmt: skip


def test_user_id_does_not_leak_into_the_next_line(as_alice, api, written):
    as_alice.post("/api/shop/parts/")
    api.post("/api/shop/parts/")
    assert "user_id" not in written.as_json()[-1]


def test_exception_is_logged_with_its_traceback(client, caplog):
    client.raise_request_exception = False
    with caplog.at_level("ERROR"):
        assert client.get("/fault").status_code == 500
    assert "request_failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_request_is_measured_by_its_route(client):
    def count() -> float:
        found = REGISTRY.get_sample_value(
            "http_request_seconds_count", {"method": "GET", "route": "page", "status": "200"}
        )
        return found or 0

    before = count()
    client.get("/page")
    assert count() == before + 1


def test_line_is_short_with_debug():
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "request_finished", ({"code": 200, "request": "GET /", "ms": 3.2},), None
    )
    assert RequestLine(pretty=True).format(record) == "200 GET / (3.2 ms)"


@pytest.mark.django_db(transaction=True)
def test_view_and_response_need_no_garbage_collection(alice):
    # Without the test client, which makes request and response refer to each other.
    token = open_session(user=alice.contact, now=timezone.now()).access
    serve, client = WSGIHandler(), RequestFactory()

    def ask():
        environ = client._base_environ(
            REQUEST_METHOD="POST", PATH_INFO="/api/shop/parts/", HTTP_AUTHORIZATION=f"Bearer {token}"
        )
        response = serve(environ, lambda status, headers: None)
        assert response.status_code == 201
        response.close()

    # Django's request refers to itself through the lazy user and `auser`. It holds no rows.
    ask()  # fill the caches
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        ask()
        gc.collect()
        left = [item for item in gc.garbage if isinstance(item, (Request, JSONResponse, Parts))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []
