"""The end of an operation is announced in its responses and in the schema, by one declaration on its view."""

from __future__ import annotations

from datetime import date

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopView
from common.http.deprecation import Deprecation
from common.http.routing import route

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

END = Deprecation(since=date(2026, 1, 1), until=date(2026, 7, 2), instead="Use `GET /api/shop/others/`.")
HEADERS = {"Deprecation": "@1767225600", "Sunset": "Thu, 02 Jul 2026 00:00:00 GMT"}


class Body(serializers.Serializer):
    name = serializers.CharField()


class Old(ShopView):
    permission_classes = [AllowAny]
    input_class = Body
    deprecations = {"GET": END}

    @extend_schema(responses=Body)
    def get(self, request):
        """Show the old body."""
        return JSONResponse({"name": "old"})

    @extend_schema(responses=Body)
    def post(self, request):
        """Store the old body."""
        return JSONResponse(self.read_body())


urlpatterns = [route("api/shop/old/", Old.as_view())]


def announced(response):
    return {name: response.headers[name] for name in HEADERS if name in response.headers}


def test_responses_announce_the_end_of_the_operation(client):
    assert announced(client.get("/api/shop/old/")) == HEADERS
    assert announced(client.head("/api/shop/old/")) == HEADERS


def test_other_operations_of_the_view_announce_nothing(client):
    stored = client.post("/api/shop/old/", {"name": "new"}, content_type="application/json")
    refused = client.post("/api/shop/old/", {}, content_type="application/json")
    assert [(stored.status_code, announced(stored)), (refused.status_code, announced(refused))] == [
        (200, {}),
        (400, {}),
    ]


def test_schema_declares_the_end_of_the_operation():
    operations = SchemaGenerator(patterns=urlpatterns).get_schema(request=None, public=True)["paths"][
        "/api/shop/old/"
    ]
    old, present = operations["get"], operations["post"]
    assert (old["deprecated"], "deprecated" in present) == (True, False)
    assert old["description"].startswith(
        "Deprecated since 2026-01-01. It is removed on 2026-07-02. Use `GET /api/shop/others/`."
    )
    assert HEADERS.keys() <= old["responses"]["200"]["headers"].keys()
    assert not HEADERS.keys() & present["responses"]["200"].get("headers", {}).keys()


def test_clients_have_half_a_year():
    with pytest.raises(ValueError, match="at least 182 days, not 2026-01-01 to 2026-07-01"):
        Deprecation(since=date(2026, 1, 1), until=date(2026, 7, 1), instead="")
