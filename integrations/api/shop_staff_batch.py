"""The staff API: many writes in one request, each with an outcome of its own (docs/staff-api.md)."""

from __future__ import annotations

from io import BytesIO

import orjson
import structlog
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponseBase
from django.urls import URLPattern, resolve
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.encoding import dumps
from common.domain.models import IdempotencyKey
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.shop import STAFF
from common.http.idempotency import bind, key_of_part
from common.http.permissions import StaffOnly
from common.http.problems import SERVER_ERROR, UNKNOWN_ROUTE, problem_from
from common.http.routing import view_class_of
from common.http.views import Handler
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer

log = structlog.get_logger(__name__)
MOST = 100
PREFIX = "/api/shop/"
# Headers of the request as a whole, which are not those of its parts.
_OF_THE_WHOLE = ("HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")


class BatchPartInput(Serializer):
    method = serializers.ChoiceField(choices=["POST", "PATCH", "DELETE"])
    path = serializers.RegexField(
        rf"^{PREFIX}[^?#\s]*$",
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
    requests = BatchPartInput(
        many=True,
        allow_empty=False,
        max_length=MOST,
        help_text=f"1 to {MOST} writes, in the order of their effects.",
    )


class BatchResultSerializer(Serializer):
    status = serializers.IntegerField(help_text="The status that the request alone would have.")
    body = serializers.DictField(allow_null=True, help_text="The response's body. Null if it has none.")


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

        def bound(request: Request, *args: object, **kwargs: object) -> JSONResponse:
            bind(key, body, request)
            return handler(request, *args, **kwargs)

        self._key = key
        return bound

    @extend_schema(responses=BatchSerializer)
    def run(self, request: Request) -> JSONResponse:
        """Send many writes in one request.

        Each is an operation of the staff's API and has an outcome of its own: one that is refused changes nothing and
        stops no other. Each counts as a request of the caller's rate. With an `Idempotency-Key`, a repeated request has
        the effects once: those that succeeded are answered again, and the others are tried again.
        """
        parts = self.read_body()["requests"]
        return JSONResponse({"results": [self._result(part, number) for number, part in enumerate(parts)]})

    def _result(self, part: Json, number: int) -> Json:
        response = self._response(part, number)
        content = getattr(response, "content", b"")
        return {"status": response.status_code, "body": orjson.loads(content) if content else None}

    def _response(self, part: Json, number: int) -> HttpResponseBase:
        view = view_class_of(part["path"])
        if not (isinstance(view, type) and issubclass(view, StaffViewSet)) or issubclass(view, StaffBatch):
            return STAFF.response(UNKNOWN_ROUTE)
        match = resolve(part["path"])
        try:
            return match.func(self._request_of(part, number), *match.args, **match.kwargs)
        except Exception as error:  # as the middleware and Django's handler do for a request of its own
            problem = problem_from(error)
            if problem is None:
                log.exception("batch_part_failed", method=part["method"], path=part["path"])
            return STAFF.response(problem or SERVER_ERROR)

    def _request_of(self, part: Json, number: int) -> WSGIRequest:
        """Return the request of a part: this one's caller and address, with a method, path and body of its own."""
        content = dumps(part["body"]) if "body" in part else b""
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
