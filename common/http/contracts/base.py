"""The base of a contract: its name, its URL prefixes, and the bodies of its problems (docs/design, D9 and D10)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from common.domain.errors import Kind
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.problems import STATUS, Problem
from common.reads.serializers import Serializer


class Contract(ABC):
    """One of the five documented APIs. It is stateless and has one instance, in its own module."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]  # for the schema
    prefixes: ClassVar[
        tuple[str, ...]
    ]  # the contract with the longest matching prefix renders problems of addresses without a view of a contract
    has_cookies: ClassVar[bool] = False  # Django's session instead of a token
    login: ClassVar[str] = ""  # the page to which an unauthenticated request is redirected, instead of a 401
    page: ClassVar[str] = ""  # the template of a problem, for a contract with pages
    invalid_status: ClassVar[int] = 400
    wording: ClassVar[Mapping[str, tuple[str, str]]] = {}  # code -> (title, detail) as the contract prints it

    @abstractmethod
    def body(self, problem: Problem) -> Json:
        """Return the error body with the contract's words."""

    @abstractmethod
    def error_serializer(self, status: int) -> type[Serializer]:
        """Return the declaration of `body` for the schema, by status."""

    def status(self, problem: Problem) -> int:
        """Return the status of a problem in this contract."""
        return self.invalid_status if problem.kind is Kind.INVALID else STATUS[problem.kind]

    def render_problem(self, problem: Problem) -> tuple[int, Json, Mapping[str, str]]:
        """Return status, body and further headers of a problem in this contract."""
        if problem.code in self.wording:
            title, detail = self.wording[problem.code]
            problem = replace(problem, title=title, detail=detail)
        return self.status(problem), self.body(problem), problem.headers

    def prefers_html(self, request: HttpRequest) -> bool:
        """Return whether a problem outside a view is shown as a page."""
        return False

    def response(self, problem: Problem) -> HttpResponse:
        """Return the response to a problem outside a view, such as an unknown route or a body that is too large."""
        status, body, headers = self.render_problem(problem)
        return JSONResponse(body, status, headers)


class FieldMessages(serializers.DictField):
    """`{name: [messages]}`. The name of a nested value is its path: `services[1]`, `parts[0].quantity`."""

    child = serializers.ListField(child=serializers.CharField())


class NamesFields(Serializer):
    """An error body with a key for each wrong field, beside its own keys."""
