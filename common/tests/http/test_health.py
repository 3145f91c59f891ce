from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

pytestmark = pytest.mark.django_db


def break_database(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused: password=hunter2")

    monkeypatch.setattr(connection, "cursor", away)


def break_cache(monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("redis://:hunter2@host")

    monkeypatch.setattr(cache, "set", away)


def lose_cache(monkeypatch):
    monkeypatch.setattr(cache, "get", lambda key: None)


def test_healthz_uses_no_other_service(client, monkeypatch):
    break_database(monkeypatch)
    break_cache(monkeypatch)
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readyz(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "cache": "ok"})


@pytest.mark.parametrize(
    ("breaks", "parts"),
    [
        ([break_database], {"database": "down", "cache": "ok"}),
        ([break_cache], {"database": "ok", "cache": "down"}),
        ([lose_cache], {"database": "ok", "cache": "down"}),
        ([break_database, break_cache], {"database": "down", "cache": "down"}),
    ],
)
def test_readyz_names_the_part_that_is_down(client, monkeypatch, caplog, breaks, parts):
    for break_it in breaks:
        break_it(monkeypatch)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable"} | parts)
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_probes_refuse_writes(client, address):
    response = client.post(address)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


class TestMetrics:
    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer ", "Bearer wrong", "s3cret", "bearer s3cret", "Bearer s3cret ", "Bearer ü"],
    )
    @pytest.mark.parametrize("debug", [True, False])
    def test_wrong_or_missing_token_is_404(self, client, settings, header, debug):
        settings.METRICS_TOKEN, settings.DEBUG = "s3cret", debug
        extra = {} if header is None else {"HTTP_AUTHORIZATION": header}
        response = client.get("/metrics", **extra)
        assert response.status_code == 404
        assert b"http_request_seconds" not in response.content

    @pytest.mark.parametrize("header", [None, "Bearer ", "Bearer"])
    def test_without_the_setting_every_token_is_404(self, client, settings, header):
        settings.METRICS_TOKEN = ""
        extra = {} if header is None else {"HTTP_AUTHORIZATION": header}
        assert client.get("/metrics", **extra).status_code == 404

    def test_token_gives_the_metrics(self, client, settings):
        settings.METRICS_TOKEN = "s3cret"
        response = client.get("/metrics", HTTP_AUTHORIZATION="Bearer s3cret")
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain")
        assert b"# TYPE http_request_seconds histogram" in response.content
