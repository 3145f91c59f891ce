"""One line and one measurement a request, at the price of a few microseconds (docs/decisions/0012)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from random import getrandbits
from time import perf_counter
from typing import Any

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import Histogram
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

log = structlog.get_logger(__name__)
lines = logging.getLogger("garage.requests")  # a formatter of its own: config/logs.py

SECONDS = Histogram(
    "http_request_seconds",
    "Time from a request's arrival in the process to its answer.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_CAPABILITY = re.compile("/uploads/[^/]+/")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Method, path, status, milliseconds, request id, user. Never the query string: tokens travel there.

    What else is logged meanwhile carries the request's id. The id is the client's `X-Request-ID` where that cannot
    forge a line, and is answered in the same header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_log_fault)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        request_id = _id_of(request.headers.get("X-Request-ID", ""))
        bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
            seconds = perf_counter() - began
            _measure(request, response.status_code, seconds)
            _write(request, response.status_code, seconds)
        finally:
            clear_contextvars()
        response.headers["X-Request-ID"] = request_id
        return response


def _write(request: HttpRequest, status: int, seconds: float) -> None:
    level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    if lines.isEnabledFor(level):
        facts = {
            "request": _line_of(request),
            "code": status,
            "ms": round(seconds * 1000, 1),
            **get_contextvars(),
        }
        lines.log(level, "request_finished", facts)


def _line_of(request: HttpRequest) -> str:
    """Nor is written what makes an upload's public address one that nobody guesses."""
    return f"{request.method} {_CAPABILITY.sub('/uploads/…/', request.path)}"


def _id_of(given: str) -> str:
    if given.isascii() and len(given) <= 64 and given.replace("-", "").isalnum():
        return given
    return f"{getrandbits(128):032x}"  # tells requests apart; nobody is kept out by it


def _measure(request: HttpRequest, status: int, seconds: float) -> None:
    # A label is a time series: the route and not the path, and no method that a stranger made up.
    method = request.method if request.method in _METHODS else "OTHER"
    match = request.resolver_match
    SECONDS.labels(method, match.route if match else "", status).observe(seconds)


def _log_fault(request: HttpRequest, **_: Any) -> None:
    """A fault of ours, with its traceback. Django calls this while the exception is being handled."""
    log.exception("request_failed", request=_line_of(request))
