"""Probes and metrics: is the process alive, can it serve, and how does it perform (docs/design, D51)."""

from __future__ import annotations

import hmac
import os
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

log = structlog.get_logger(__name__)


def database_works() -> bool:
    """Return whether the database answers a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Exception as error:  # any error of a driver or a pool means that it is down
        log.warning("database_is_away", error=type(error).__name__)
        return False


def cache_works() -> bool:
    """Return whether the cache returns a value that was written to it."""
    try:
        probe = uuid4().hex
        cache.set("readyz", probe, 5)
        return cache.get("readyz") is not None
    except Exception as error:
        log.warning("cache_is_away", error=type(error).__name__)
        return False


def readiness() -> dict[str, str]:
    """Return the state of each part, ok or down, and `status`, which is ok if every part is."""
    parts = {"database": database_works(), "cache": cache_works()}
    return {"status": "ok" if all(parts.values()) else "unavailable"} | {
        name: "ok" if works else "down" for name, works in parts.items()
    }


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 without asking any other service, so that a database failure does not restart web processes."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if requests can be served, else 503 that names the part that is down."""
    body = readiness()
    return JsonResponse(body, status=200 if body["status"] == "ok" else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return metrics in Prometheus' text format to the holder of `METRICS_TOKEN`, and 404 to anyone else."""
    given = request.headers.get("Authorization", "").encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(
        given, f"Bearer {settings.METRICS_TOKEN}".encode()
    ):
        raise Http404
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # several workers share their metrics through files
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
