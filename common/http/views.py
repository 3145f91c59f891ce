"""The base of every JSON route: authentication, refusals in the contract's words, idempotent writes."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from common.domain import counters, errors
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.authentication import CHALLENGE, BearerAuthentication
from common.http.contracts.base import Contract
from common.http.idempotency import answer_once
from common.http.parsers import IgnoreClientContentNegotiation, JSONParser, TextJSONParser
from common.http.permissions import caller_of
from common.http.problems import problem_from
from common.http.responses import JSONResponse
from common.reads.serializers import Serializer

log = structlog.get_logger(__name__)

_STRIDE = 20  # requests a process claims of a user's rate at a time


def serialize(serializer: type[Serializer], row: object) -> Json:
    """What a write answers: the body of what it has just made or changed, spelled from the object in its hands.
    Whatever is only read goes through `common.reads`."""
    return serializer(row).data


class ContractView(APIView):
    """A route of one contract. What it forgets to allow is refused (`permissions.Nobody`)."""

    contract: ClassVar[Contract]
    authentication_classes = [BearerAuthentication]
    renderer_classes = [JSONRenderer]  # for the schema alone: a `JSONResponse` is bytes already
    parser_classes = [JSONParser, TextJSONParser]
    content_negotiation_class = IgnoreClientContentNegotiation
    metadata_class = None
    body_limit: ClassVar[str] = "MAX_BODY_BYTES"  # the setting that says how long a body may be
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    # Body names of domain fields, where they differ: an action's error names the domain's.
    input_class: ClassVar[type[Serializer] | None] = None

    @property
    def is_signed_in(self) -> bool:
        caller: object = self.request.user
        return isinstance(caller, Caller)

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Break the cycle of view and request once there is a response (docs/decisions/0029)."""
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            self.request.parser_context = {}
            vars(self).pop("post", None)  # answer_once, which holds the view's own method

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        handler, key = getattr(self, "post", None), request.headers.get("Idempotency-Key")
        if request.method != "POST" or handler is None or key is None:
            super().initial(request, *args, **kwargs)
            return
        # Read before the caller is authenticated: the check of a session's CSRF token parses the body and consumes it.
        body = request._request.body
        super().initial(request, *args, **kwargs)
        if self.is_signed_in:
            # DRF looks the handler up after this. The instance's attribute wins over the class's.
            vars(self)["post"] = partial(answer_once, handler, key, body)

    def check_throttles(self, request: Request) -> None:
        caller: object = request.user
        if isinstance(caller, Caller):
            wait = counters.hit(f"user:{caller.user_id}", limit=settings.RATE_USER, window=60, stride=_STRIDE)
            if wait is not None:
                raise errors.TooMany(retry_after=wait)

    def read_body(self, *, partial: bool = False) -> Json:
        """The request's body, validated; ValidationError names every wrong field. `partial`: none is required."""
        serializer = self._input_class()(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _input_class(self) -> type[Serializer]:
        assert self.input_class is not None
        return self.input_class

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # DRF's own Response
        """Return the refusal in the contract's words. A fault of ours is raised, logged and answered 500."""
        if isinstance(exc, errors.DomainError) and exc.field and self.input_class:
            exc.field = self._wire_name(exc.field)
        problem = problem_from(exc)
        if problem is None:
            raise exc
        status, body, headers = self.contract.render_problem(problem)
        headers = dict(headers)
        if status == 401:
            headers["WWW-Authenticate"] = CHALLENGE
        if status == 405:
            headers["Allow"] = ", ".join(self.allowed_methods)
        return JSONResponse(body, status=status, headers=headers)

    def _wire_name(self, name: str) -> str:
        for wire, field in self._input_class()().fields.items():
            if (field.source or wire) == name:
                return wire
        return name

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Somebody's data, or a refusal that was his alone: no cache on the way keeps it, unless the route says so."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
