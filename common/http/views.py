"""The base of every JSON route: authentication, refusals in the contract's words, idempotent writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, ClassVar, NoReturn

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from common.domain import counters, errors
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.authentication import CHALLENGE, BearerAuthentication
from common.http.contracts.base import Contract
from common.http.idempotency import answer_once
from common.http.parsers import JSONParser, ParserByType, TextJSONParser
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
    content_negotiation_class = ParserByType
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

    @property
    def allowed_methods(self) -> list[str]:
        actions = frozenset(getattr(self, "action_map", ()))
        return _methods_of(type(self), actions)  # type: ignore[arg-type]  # a class is hashable

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Once there is an answer nobody needs the circle of view and request; left to the collector, it kept every
        list of the last hundreds of requests in memory, and finding them cost a tenth of each."""
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            self.request.parser_context = {}
            vars(self).clear()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        handler, key = getattr(self, "post", None), request.headers.get("Idempotency-Key")
        if request.method != "POST" or handler is None or key is None:
            self._admit(request)
            return
        # Read before the caller is looked at: the check of a session's CSRF token parses the body, and then it is gone.
        body = request._request.body
        self._admit(request)
        if self.is_signed_in:
            # DRF looks the handler up after this; the instance's attribute wins over the class's.
            vars(self)["post"] = partial(answer_once, handler, key, body)

    def _admit(self, request: Request) -> None:
        """DRF's `initial` without what no contract lets a client choose: format suffix, media type, version."""
        self.perform_authentication(request)
        self.check_permissions(request)
        self.check_throttles(request)

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

    def get_exception_handler(self) -> Callable[[Exception, Json], JSONResponse | None]:
        return self.refuse

    def refuse(self, error: Exception, context: Json) -> JSONResponse | None:
        """Any refusal in the contract's words; None lets a fault of ours be logged and answered as a 500."""
        if isinstance(error, errors.DomainError) and error.field and self.input_class:
            error.field = self._wire_name(error.field)
        problem = problem_from(error)
        if problem is None:
            return None
        status, body, headers = self.contract.spell(problem)
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

    def raise_uncaught_exception(self, exc: Exception) -> NoReturn:
        raise exc


@cache
def _methods_of(view: type[ContractView], actions: frozenset[str]) -> list[str]:
    """What a view's `Allow` says; a viewset's methods are those of its address. Who answers GET answers HEAD."""
    has = {name for name in view.http_method_names if name in actions or hasattr(view, name)}
    has |= {"head"} if "get" in has else set()
    return [name.upper() for name in view.http_method_names if name in has]
