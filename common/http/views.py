"""The base of every JSON route: authentication, problems as the contract renders them, idempotent writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

import orjson
from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.domain import counters, errors
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.authentication import CHALLENGE, BearerAuthentication, CallerRequest
from common.http.bodies import IgnoreClientContentNegotiation, JSONParser, JSONResponse, TextJSONParser
from common.http.contracts.base import Contract
from common.http.deprecation import Deprecation
from common.http.idempotency import Handler, answer_once
from common.http.inputs import unchangeable_names
from common.http.permissions import check_write
from common.http.problems import UnknownFields, problem_from
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
    keyed_methods: ClassVar[frozenset[str]] = frozenset({"POST"})  # those that take an Idempotency-Key
    # Unsafe methods that a viewer of a company may use, because they change nothing of the company.
    viewer_methods: ClassVar[frozenset[str]] = frozenset()
    # It also maps the domain's field names in errors to the body's.
    input_class: ClassVar[type[Serializer] | None] = None
    is_strict: ClassVar[bool] = False  # refuse unknown keys of bodies
    follows: ClassVar[
        Mapping[str, str]
    ] = {}  # keys of a `PATCH` whose values follow from the value of another key
    # By method, or by action of a viewset. It announces the end of the operation in responses and in the schema.
    deprecations: ClassVar[Mapping[str, Deprecation]] = {}

    request: CallerRequest
    rate: counters.Rate | None = None  # of the caller, once the request is counted

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
            for method in self.keyed_methods:
                vars(self).pop(
                    method.lower(), None
                )  # the partial of answer_once, which holds the view's method

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        key, method = request.headers.get("Idempotency-Key"), str(request.method).lower()
        handler = getattr(self, method, None) if request.method in self.keyed_methods else None
        if handler is None or key is None:
            super().initial(request, *args, **kwargs)
            return
        # Read before the caller is authenticated: the check of a session's CSRF token parses the body and consumes it.
        body = request._request.body
        super().initial(request, *args, **kwargs)
        if self.is_signed_in:
            # DRF looks the handler up after this. The instance's attribute wins over the class's.
            vars(self)[method] = self.once(handler, key, body)

    def once(self, handler: Handler, key: str, body: bytes) -> Handler:
        """Return a handler that has its effect once under this key. `body` is the raw body."""
        return partial(answer_once, handler, key, body, self.stored_answer)

    def stored_answer(self, answer: bytes) -> bytes:
        """Return the body of a 2xx response that is stored for replays. A view whose body is a secret leaves it out."""
        return answer

    def check_permissions(self, request: Request) -> None:
        """Check the permission classes, and refuse every write of a login that may only read."""
        super().check_permissions(request)
        method = str(request.method)
        is_write = method not in SAFE_METHODS and method not in self.viewer_methods
        if is_write and self.is_signed_in and hasattr(self, method.lower()):  # else the view answers 405
            check_write(self.caller)

    def check_throttles(self, request: Request) -> None:
        if caller := self.request.user:
            key = f"user:{caller.user_id}"
            self.rate = counters.spend(key, limit=settings.RATE_USER, window=60, stride=_STRIDE)
            if self.rate.wait is not None:
                raise errors.TooMany(retry_after=self.rate.wait)

    def read_body(self, *, partial: bool = False) -> Json:
        """Return the validated body. ValidationError names every wrong field. With `partial` no field is required."""
        serializer = self._input_class()(data=self._sent(), partial=partial)
        unaccepted = self.unaccepted(serializer)
        if not serializer.is_valid() or unaccepted:
            refusal = UnknownFields if unaccepted and self.is_strict else ValidationError
            raise refusal({**unaccepted, **serializer.errors})
        return dict(serializer.validated_data)

    def _sent(self) -> object:
        """Return the parsed body. Of a form it is an object of texts, in which a file field is the list of its files.

        Of a repeated field the last value counts.
        """
        data: object = self.request.data
        if not isinstance(data, MultiValueDict):
            return data
        return {name: data[name] for name in data} | dict(self.request.FILES.lists())

    def read_body_of(self, find_row: Callable[[], object], *, partial: bool = False) -> Json:
        """Return the validated body. If it is wrong, `find_row` may raise that the row does not exist instead.

        For actions that find the row themselves, so that a right body costs no further query.
        """
        try:
            return self.read_body(partial=partial)
        except ValidationError:
            find_row()
            raise

    def unaccepted(self, serializer: Serializer) -> dict[str, list[str]]:
        """Return messages for the keys of the body that the request does not accept.

        The contracts ignore unknown keys. A `PATCH` that would change a value which cannot change is refused, because
        the response would show the old value as if it had been accepted.
        """
        body = cast("Json", self.request.data)
        if self.request.method != "PATCH" or body.keys() <= serializer.fields.keys():
            return {}
        return unchangeable_names(serializer, body, self.present_body(), self.follows)

    def present_body(self) -> Json:
        """Return the body of the row that a `PATCH` changes."""
        response: HttpResponse = self.show(**self.kwargs)
        body: Json = orjson.loads(response.content)
        return body

    def show(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the response with the row as it is stored now. A view with a `PATCH` defines it."""
        raise NotImplementedError

    def _input_class(self) -> type[Serializer]:
        assert self.input_class is not None
        return self.input_class

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # DRF's own Response
        """Return the problem as the contract renders it. Any other exception is raised, logged and answered 500."""
        if isinstance(exc, errors.DomainError) and exc.field and self.input_class:
            exc.field = self._wire_name(exc.field)
            if self.request.method == "GET":
                exc.item = None  # a list of a query is one text
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
        if deprecation := self.deprecation_of(str(request.method)):
            for name, value in deprecation.headers.items():
                response.headers[name] = value
        return response

    def deprecation_of(self, method: str) -> Deprecation | None:
        """Return the announced end of the operation with this method."""
        return self.deprecations.get(getattr(self, "action", None) or method.replace("HEAD", "GET"))
