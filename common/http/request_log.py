"""One log line and one measurement per request (docs/decisions/0012)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from random import getrandbits
from time import perf_counter

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import Histogram
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from common.domain.encoding import dumps

log = structlog.get_logger(__name__)
lines = logging.getLogger("garage.requests")

SECONDS = Histogram(
    "http_request_seconds",
    "Time from a request's arrival in the process to its response.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
# The secret part of an upload's URL and of a link: of an estimate, an invoice, a reminder, a statement or a
# passport.
_CAPABILITY = re.compile("^/[eirsv]/.+|/uploads/[^/]+/")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Log method, path, status, milliseconds, request id and user, but not the query string, which may hold tokens.

    Other lines that are logged meanwhile carry the request's id. The id is the client's `X-Request-ID` if that cannot
    forge a line, else a random one. The response returns it in the same header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_log_exception)

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


class RequestLine(logging.Formatter):
    """Format the line of a request. Its values hold no secrets, so it needs none of the processors."""

    def __init__(self, *, pretty: bool) -> None:
        super().__init__()
        self.pretty = pretty

    def format(self, record: logging.LogRecord) -> str:
        facts = record.args
        assert isinstance(facts, dict)
        if self.pretty:
            return f"{facts['code']} {facts['request']} ({facts['ms']} ms)"
        event = {"event": record.msg, "level": record.levelname.lower(), "logger": record.name}
        timestamp = datetime.fromtimestamp(record.created, UTC)
        return dumps({**event, "timestamp": timestamp, **facts}).decode()


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
    """Return method and path, without the secret part of a URL that needs no login."""
    return f"{request.method} {_CAPABILITY.sub(_hide, request.path)}"


def _hide(found: re.Match[str]) -> str:
    return "/uploads/…/" if found[0].startswith("/uploads/") else f"{found[0][:3]}…"


def _id_of(given: str) -> str:
    if given.isascii() and len(given) <= 64 and given.replace("-", "").isalnum():
        return given
    return f"{getrandbits(128):032x}"  # it only tells requests apart, so it need not be unpredictable


def _measure(request: HttpRequest, status: int, seconds: float) -> None:
    # Each label value is a time series, so it is the route and not the path, and only known methods.
    method = request.method if request.method in _METHODS else "OTHER"
    match = request.resolver_match
    SECONDS.labels(method, match.route if match else "", status).observe(seconds)


def _log_exception(request: HttpRequest, **_: object) -> None:
    """Log an unhandled exception with its traceback. Django calls this while it handles the exception."""
    log.exception("request_failed", request=_line_of(request))
