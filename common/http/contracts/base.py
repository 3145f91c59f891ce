"""What every contract has: a name, the addresses it owns, and how it spells what went wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.domain.errors import Kind
from common.domain.types import Json
from common.http.problems import STATUS, Problem
from common.http.responses import JSONResponse
from common.reads.serializers import Serializer


class Contract(ABC):
    """One of the five documented APIs. Stateless; each has one instance, in its own module."""

    name: ClassVar[str]
    title: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]  # whose error body is used outside a view; the longest wins
    has_cookies: ClassVar[bool] = False  # Django's session instead of a token
    login: ClassVar[str] = ""  # where a stranger is sent, instead of a 401
    page: ClassVar[str] = ""  # the template of a refusal, for a contract whose pages people open
    invalid_status: ClassVar[int] = 400
    wording: ClassVar[Mapping[str, tuple[str, str]]] = {}  # code -> (title, detail) as the contract prints it

    @abstractmethod
    def body(self, problem: Problem) -> Json:
        """The error body, worded as the contract prints it."""

    @abstractmethod
    def error_serializer(self, status: int) -> type[Serializer]:
        """The declaration of `body` for the schema, by status."""

    def status(self, problem: Problem) -> int:
        return self.invalid_status if problem.kind is Kind.INVALID else STATUS[problem.kind]

    def render_problem(self, problem: Problem) -> tuple[int, Json, Mapping[str, str]]:
        """Status, body and extra headers of a problem in this contract."""
        if problem.code in self.wording:
            title, detail = self.wording[problem.code]
            problem = replace(problem, title=title, detail=detail)
        return self.status(problem), self.body(problem), problem.headers

    def prefers_html(self, request: HttpRequest) -> bool:
        """Whether a refusal outside a view is read by a person at this address."""
        return False

    def response(self, problem: Problem) -> HttpResponse:
        """The same outside a view: unknown routes, bodies too large, a database that is away."""
        status, body, headers = self.render_problem(problem)
        return JSONResponse(body, status, headers)


# What is said of one field, for the schema: of a list of rows, by row and by the row's fields.
_TEXTS = {"type": "array", "items": {"type": "string"}}
_OF_ROW = {"oneOf": [_TEXTS, {"type": "object", "additionalProperties": _TEXTS}]}
MESSAGES = {"oneOf": [_TEXTS, {"type": "object", "additionalProperties": _OF_ROW}]}


@extend_schema_field({"type": "object", "additionalProperties": MESSAGES})
class FieldMessages(serializers.DictField):
    """`{name: [messages]}`; a nested object's messages nest as its fields do."""

    child = serializers.JSONField()


class NamesFields(Serializer):
    """A refusal that names each wrong field, with its messages, beside its own keys."""
