"""The base of every JSON route: authentication, problems as the contract renders them, idempotent writes."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.domain import counters, errors
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.authentication import CHALLENGE, BearerAuthentication
from common.http.contracts.base import Contract
from common.http.idempotency import answer_once
from common.http.parsers import IgnoreClientContentNegotiation, JSONParser, TextJSONParser
from common.http.problems import problem_from
from common.http.requests import CallerRequest
from common.http.responses import JSONResponse
from common.reads.serializers import Serializer

AnyModel = TypeVar("AnyModel", bound=models.Model)

_STRIDE = 20  # requests of a user's rate that a process claims at a time


def serialize(serializer: type[Serializer], row: object) -> Json:
    """Return the body of an object that a write has created or changed. Other rows go through `common.reads`."""
    return serializer(row).data


class ContractView(APIView):
    """A route of one contract. Without permission classes it refuses every request (`DenyAll`)."""

    contract: ClassVar[Contract]
    authentication_classes = [BearerAuthentication]
    renderer_classes = [JSONRenderer]  # used only by the schema, because a `JSONResponse` is bytes already
    parser_classes = [JSONParser, TextJSONParser]
    content_negotiation_class = IgnoreClientContentNegotiation
    metadata_class = None
    body_limit: ClassVar[str] = "MAX_BODY_BYTES"  # the name of the setting
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    # It also maps the domain's field names in errors to the body's.
    input_class: ClassVar[type[Serializer] | None] = None

    request: CallerRequest

    @property
    def is_signed_in(self) -> bool:
        return self.request.user is not None

    @property
    def caller(self) -> Caller:
        return self.request.caller

    def visible_rows(self, model: type[AnyModel]) -> models.QuerySet[AnyModel]:
        """Return the rows of `model` that the caller may see. A model without `visible_to` has no owner."""
        rows: Any = model._default_manager
        visible: models.QuerySet[AnyModel] = (
            rows.visible_to(self.caller) if hasattr(rows, "visible_to") else rows.all()
        )
        return visible

    def initialize_request(self, request: HttpRequest, *args: object, **kwargs: object) -> Request:
        return CallerRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Break the cycle of view and request once there is a response (docs/decisions/0029)."""
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            self.request.parser_context = {}
            vars(self).pop("post", None)  # the partial of answer_once, which holds the view's method

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
        if caller := self.request.user:
            wait = counters.hit(f"user:{caller.user_id}", limit=settings.RATE_USER, window=60, stride=_STRIDE)
            if wait is not None:
                raise errors.TooMany(retry_after=wait)

    def read_body(self, *, partial: bool = False) -> Json:
        """Return the validated body. ValidationError names every wrong field. With `partial` no field is required."""
        serializer = self._input_class()(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _input_class(self) -> type[Serializer]:
        assert self.input_class is not None
        return self.input_class

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # DRF's own Response
        """Return the problem as the contract renders it. Any other exception is raised, logged and answered 500."""
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

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        """Forbid caches to store the response, which is for one caller, unless the route allows it."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
