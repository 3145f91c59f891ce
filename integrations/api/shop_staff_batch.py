"""The staff API: many writes in one request, each with an outcome of its own (docs/staff-api.md)."""

from __future__ import annotations

import time
from functools import partial
from http import HTTPStatus
from io import BytesIO
from threading import BoundedSemaphore

import orjson
import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpResponse
from django.urls import URLPattern, resolve
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.encoding import dumps
from common.domain.errors import Busy
from common.domain.models import IdempotencyKey
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.shop import STAFF
from common.http.idempotency import Handler, StillAnswering, key_of_part, run_bound
from common.http.permissions import StaffOnly
from common.http.problems import BAD_REQUEST, SERVER_ERROR, UNAVAILABLE, UNKNOWN_ROUTE, problem_from
from common.http.routing import view_class_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer

log = structlog.get_logger(__name__)
MOST = 100
SECONDS = 20  # after which the rest is refused, so that the response comes before a proxy gives up
_PATIENCE_SECONDS = 0.5
PREFIX = "/api/shop/"
# A process answers so many batches at once, and has threads left for a write and for what only reads.
_slots = BoundedSemaphore(max(1, settings.WEB_THREADS - 2))
# Headers of the request as a whole, which are not those of its parts.
_OF_THE_WHOLE = ("HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")


class BatchPartInput(Serializer):
    method = serializers.ChoiceField(choices=["POST", "PATCH", "DELETE"])
    path = serializers.RegexField(
        rf'^{PREFIX}[!"$->@-~]*$',  # ASCII without blanks, ? and #
        max_length=200,
        help_text=f"Path of one of the staff's operations, such as `{PREFIX}parts/5/`.",
        error_messages={"invalid": f"A path that begins with {PREFIX}, without a query."},
    )
    body = serializers.DictField(required=False, help_text="Body of the operation.")
    if_match = serializers.CharField(
        required=False,
        max_length=4000,
        help_text="The `If-Match` header: the `ETag` of the row as it was read.",
    )


class BatchInput(Serializer):
    requests = BatchPartInput(  # type: ignore[call-arg]  # those of a list
        many=True,
        allow_empty=False,
        max_length=MOST,
        help_text=f"1 to {MOST} writes, in the order of their effects.",
    )


class BatchResultSerializer(Serializer):
    status = serializers.IntegerField(help_text="The status that the request alone would have.")
    body = serializers.DictField(allow_null=True, help_text="The response's body. Null if it has none.")
    etag = serializers.CharField(
        allow_null=True, help_text="The `ETag` of the row. Null where the response has none, as in a replay."
    )
    replayed = serializers.BooleanField(
        help_text="Whether this is the stored response of an earlier request with the same `Idempotency-Key`."
    )
    retry_after = serializers.IntegerField(
        allow_null=True, help_text="Seconds after which a 429 or 503 can be sent again. Null otherwise."
    )


class BatchSerializer(Serializer):
    results = BatchResultSerializer(many=True, help_text="One for each request, in their order.")


class StaffBatch(StaffViewSet):
    """Many writes in one request."""

    resource = "batch"
    model = IdempotencyKey
    serializer_class = BatchSerializer
    permission_classes = [StaffOnly]  # each part checks its own permission
    matched = ""  # no row
    lists = ()
    inputs = {"run": BatchInput}

    _key: str | None = None

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", post="run")]

    def once(self, handler: Handler, key: str, body: bytes) -> Handler:
        """Bind the key to the whole. Its parts have keys of their own, so that a retry goes on where it ended."""
        self._key = key
        return partial(run_bound, handler, key, body)

    @extend_schema(responses=BatchSerializer)
    def run(self, request: Request) -> JSONResponse:
        """Send many writes in one request.

        Each is an operation of the staff's API and has an outcome of its own: one that is refused changes nothing and
        stops no other. Each counts as a request of the caller's rate. With an `Idempotency-Key`, a repeated request has
        the effects once: those that succeeded are answered again, and the others are tried again. After 20 seconds the
        rest is 503.
        """
        parts = self.read_body()["requests"]
        if not _slots.acquire(timeout=_PATIENCE_SECONDS):
            raise Busy("Other batches are being answered. Try again in a few seconds.", retry_after=5)
        try:
            return JSONResponse({"results": self._results(parts)})
        finally:
            _slots.release()

    def _results(self, parts: list[Json]) -> list[Json]:
        until = time.monotonic() + SECONDS
        results: list[Json] = []
        rest: HttpResponse | None = None  # of all parts from here on
        for number, part in enumerate(parts):
            if rest is None and time.monotonic() > until:
                rest = STAFF.response(UNAVAILABLE)
            response = rest or self._response(part, number)
            body = orjson.loads(response.content) if response.content else None
            wait = response.headers.get("Retry-After")
            results.append(
                {
                    "status": response.status_code,
                    "body": body,
                    "etag": response.headers.get("ETag"),
                    "replayed": "Idempotent-Replayed" in response.headers,
                    "retry_after": int(wait) if wait else None,
                }
            )
            if response.status_code == HTTPStatus.CONFLICT and body and body["code"] == StillAnswering.code:
                rest = response  # the same batch is being answered, and its parts have their effects in order
        return results

    def _response(self, part: Json, number: int) -> HttpResponse:
        view = view_class_of(part["path"])
        if not (isinstance(view, type) and issubclass(view, StaffViewSet)) or issubclass(view, StaffBatch):
            return STAFF.response(UNKNOWN_ROUTE)
        try:
            content = dumps(part["body"]) if "body" in part else b""
        except TypeError:  # nested too deep
            return STAFF.response(BAD_REQUEST)
        match = resolve(part["path"])
        try:
            response: HttpResponse = match.func(
                self._request_of(part, content, number), *match.args, **match.kwargs
            )
        except Exception as error:  # as the middleware and Django's handler do for a request of its own
            if isinstance(error, DatabaseError | InterfaceError):
                connection.close_if_unusable_or_obsolete()  # a lost one is replaced for the next part
            problem = problem_from(error)
            facts = {"method": part["method"], "path": part["path"], "error": type(error).__name__}
            if problem is None:
                log.exception("batch_part_failed", **facts)
            else:
                log.error("batch_part_failed", **facts)
            return STAFF.response(problem or SERVER_ERROR)
        if response.has_header("RateLimit-Remaining") and self.rate is not None:
            self.rate = self.rate._replace(remaining=int(response["RateLimit-Remaining"]))
        return response

    def _request_of(self, part: Json, content: bytes, number: int) -> WSGIRequest:
        """Return the request of a part: this one's caller and address, with a method, path and body of its own."""
        environ = {name: value for name, value in self.request.META.items() if name not in _OF_THE_WHOLE}
        environ |= {
            "REQUEST_METHOD": part["method"],
            "PATH_INFO": part["path"],
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": BytesIO(content),
        }
        if self._key is not None:
            environ["HTTP_IDEMPOTENCY_KEY"] = key_of_part(self._key, number)
        if "if_match" in part:
            environ["HTTP_IF_MATCH"] = part["if_match"]
        return WSGIRequest(environ)


urlpatterns = StaffBatch.routes()
