"""Problems: what went wrong, before a contract renders it (docs/design, D10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.settings import api_settings

from common.domain.errors import DomainError, Kind
from common.domain.types import Values

# The only place that maps a kind to a status. Only `INVALID` may differ by contract.
STATUS: dict[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.INVALID: 400,
    Kind.INELIGIBLE: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.CONFLICT: 409,
    Kind.LENGTH_REQUIRED: 411,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.SERVER_ERROR: 500,
    Kind.UNAVAILABLE: 503,
}

Fields = Values
NON_FIELD = api_settings.NON_FIELD_ERRORS_KEY


@dataclass(frozen=True)
class Problem:
    """A problem. `title` is short and stable, `detail` is a sentence, `fields` maps wrong names to messages."""

    kind: Kind
    code: str
    title: str
    detail: str
    fields: Fields = field(default_factory=dict)
    facts: Values = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


UNKNOWN_ROUTE = Problem(Kind.NOT_FOUND, "not_found", "Not found", "There is nothing at this address.")
TOO_LARGE = Problem(
    Kind.TOO_LARGE, "too_large", "Request too large", "The request body is larger than this server takes."
)
UNAVAILABLE = Problem(
    Kind.UNAVAILABLE,
    "unavailable",
    "Service unavailable",
    "The service cannot answer right now. Try again in a few seconds.",
    headers={"Retry-After": "5"},
)
SERVER_ERROR = Problem(
    Kind.SERVER_ERROR, "server_error", "Server error", "Something went wrong on our side. It has been logged."
)
BAD_REQUEST = Problem(Kind.MALFORMED, "bad_request", "Bad request", "The request cannot be read.")
CSRF_FAILED = Problem(
    Kind.FORBIDDEN, "csrf_failed", "Access denied", "The form has expired. Reload the page and send it again."
)


def first_message(fields: Fields) -> str:
    """Return one sentence about the first wrong field, for contracts whose pages show a single line."""
    for name, messages in fields.items():
        while isinstance(messages, (list, Mapping)) and messages:
            # A list of rows has an empty entry for each valid row.
            inner = messages.values() if isinstance(messages, Mapping) else messages
            messages = next((message for message in inner if message), "")
        return str(messages) if name == NON_FIELD else f"{name}: {messages}"
    return ""


def _from_domain(error: DomainError) -> Problem:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    fields = {error.field: error.messages} if error.field else {}
    return Problem(error.kind, error.code, error.title, error.text, fields, error.facts, headers)


def _from_validation(error: exceptions.ValidationError) -> Problem:
    detail = error.detail
    fields: Fields = detail if isinstance(detail, dict) else {NON_FIELD: detail}
    return Problem(Kind.INVALID, "invalid", "Invalid input", first_message(fields), fields)


DRF_ERRORS: dict[type[exceptions.APIException], tuple[Kind, str]] = {
    exceptions.ParseError: (Kind.MALFORMED, "Malformed JSON"),
    exceptions.NotAuthenticated: (Kind.UNAUTHENTICATED, "Unauthorized"),
    exceptions.AuthenticationFailed: (Kind.UNAUTHENTICATED, "Unauthorized"),
    exceptions.PermissionDenied: (Kind.FORBIDDEN, "Access denied"),
    exceptions.NotFound: (Kind.NOT_FOUND, "Not found"),
    exceptions.MethodNotAllowed: (Kind.METHOD_NOT_ALLOWED, "Method not allowed"),
    exceptions.UnsupportedMediaType: (Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
}


def is_database_unavailable(error: BaseException) -> bool:
    """Return whether the error is a lost or refused database connection."""
    return isinstance(error, (OperationalError, InterfaceError))


def problem_from(error: BaseException) -> Problem | None:
    """Return the problem of an exception, or None if the exception is a bug, which is logged as one."""
    if isinstance(error, DomainError):
        return _from_domain(error)
    if isinstance(error, exceptions.ValidationError):
        return _from_validation(error)
    for known, (kind, title) in DRF_ERRORS.items():
        if isinstance(error, known):
            return Problem(kind, kind.name.lower(), title, str(error.detail))
    if isinstance(error, Http404):
        return Problem(Kind.NOT_FOUND, "not_found", "Not found", "Not found.")
    if isinstance(error, PermissionDenied):
        return Problem(
            Kind.FORBIDDEN, "forbidden", "Access denied", "You do not have permission to perform this action."
        )
    if isinstance(error, RequestDataTooBig):
        return TOO_LARGE
    if isinstance(error, SuspiciousOperation):
        return BAD_REQUEST
    if is_database_unavailable(error):
        return UNAVAILABLE
    return None
