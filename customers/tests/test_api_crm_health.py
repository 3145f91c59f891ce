"""Contract 004: the health check, which needs no token and returns no details of a failure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

pytestmark = pytest.mark.django_db

HEALTH = "/api/v1/customers/health/"
AT = {"timestamp": "2025-10-31T09:00:00Z", "version": "2.0.0"}


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr("customers.api.crm.timezone.now", lambda: datetime(2025, 10, 31, 9, tzinfo=UTC))


def break_database(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused: password=hunter2")

    monkeypatch.setattr(connection, "cursor", away)


def break_cache(monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("redis://:hunter2@host")

    monkeypatch.setattr(cache, "set", away)


class TestHealth:
    @pytest.mark.parametrize("url", [HEALTH, HEALTH.rstrip("/")])
    def test_needs_no_token_and_names_parts(self, api, url):
        response = api.get(url, headers={"Authorization": "Bearer expired"})
        assert (response.status_code, response.json()) == (
            200,
            {"status": "ok", "service": "customers", "database": "ok", "cache": "ok", **AT},
        )

    @pytest.mark.parametrize(
        ("breaks", "parts"),
        [
            ([break_database], {"database": "down", "cache": "ok"}),
            ([break_cache], {"database": "ok", "cache": "down"}),
            ([break_database, break_cache], {"database": "down", "cache": "down"}),
        ],
    )
    def test_names_part_that_is_down(self, api, monkeypatch, breaks, parts):
        for break_it in breaks:
            break_it(monkeypatch)
        response = api.get(HEALTH)
        assert (response.status_code, response.json()) == (
            503,
            {"status": "unavailable", "service": "customers", **parts, **AT},
        )
