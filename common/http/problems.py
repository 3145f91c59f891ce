"""Problems: what went wrong, before a contract renders it (docs/design, D10)."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
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
    Kind.GONE: 410,
    Kind.LENGTH_REQUIRED: 411,
    Kind.PRECONDITION: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.SERVER_ERROR: 500,
    Kind.UNAVAILABLE: 503,
    Kind.STORAGE_FULL: 507,
}

Fields: TypeAlias = Mapping[str, list[str]]
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
STORAGE_FULL = Problem(
    Kind.STORAGE_FULL,
    "storage_full",
    "Storage full",
    "The server has no space left to store this. Nothing was saved. Try again later.",
)
SERVER_ERROR = Problem(
    Kind.SERVER_ERROR, "server_error", "Server error", "Something went wrong on our side. It has been logged."
)
UNKNOWN_FIELD = Problem(Kind.INVALID, "unknown_field", "Invalid input", "")
BAD_REQUEST = Problem(Kind.MALFORMED, "bad_request", "Bad request", "The request cannot be read.")
CSRF_FAILED = Problem(
    Kind.FORBIDDEN, "csrf_failed", "Access denied", "The form has expired. Reload the page and send it again."
)


class UnknownFields(exceptions.ValidationError):
    """A body has keys that the request does not accept. Other errors of the body may be reported with them."""

    default_code = UNKNOWN_FIELD.code


def first_message(fields: Fields) -> str:
    """Return one sentence about the first wrong field, for contracts whose pages show a single line."""
    for name, messages in fields.items():
        return messages[0] if name == NON_FIELD else f"{name}: {messages[0]}"
    return ""


def messages_by_path(detail: object, path: str = "") -> dict[str, list[str]]:
    """Return the messages of a serializer by the path of the wrong value: `vin`, `services[1]`, `parts[0].quantity`.

    DRF nests the messages of nested values in three ways: by index or name, as one object per row of a list, and
    under `non_field_errors`.
    """
    if isinstance(detail, Mapping):
        parts = [(_path(path, name), inner) for name, inner in detail.items()]
    elif isinstance(detail, list) and any(isinstance(item, Mapping) for item in detail):
        parts = [(_path(path, number), inner) for number, inner in enumerate(detail)]
    else:
        messages = detail if isinstance(detail, list) else [detail]
        return {path or NON_FIELD: [str(message) for message in messages]} if messages else {}
    found: dict[str, list[str]] = {}
    for inner_path, inner in parts:
        for name, messages in messages_by_path(inner, inner_path).items():
            found.setdefault(name, []).extend(messages)
    return found


def _path(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    if path and name == NON_FIELD:
        return path
    return f"{path}.{name}" if path else name


def _from_domain(error: DomainError) -> Problem:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    name = error.field if error.item is None else f"{error.field}[{error.item}]"
    fields = {name: error.messages} if name and error.field else {}
    return Problem(error.kind, error.code, error.title, error.text, fields, error.facts, headers)


def _from_validation(error: exceptions.ValidationError) -> Problem:
    fields = messages_by_path(error.detail)
    text = first_message(fields)
    if isinstance(error, UnknownFields):
        return replace(UNKNOWN_FIELD, detail=text, fields=fields)
    return Problem(Kind.INVALID, "invalid", "Invalid input", text, fields)


DRF_ERRORS: dict[type[exceptions.APIException], tuple[Kind, str]] = {
    exceptions.ParseError: (Kind.MALFORMED, "Malformed JSON"),
    exceptions.NotAuthenticated: (Kind.UNAUTHENTICATED, "Unauthorized"),
    exceptions.AuthenticationFailed: (Kind.UNAUTHENTICATED, "Unauthorized"),
    exceptions.PermissionDenied: (Kind.FORBIDDEN, "Access denied"),
    exceptions.NotFound: (Kind.NOT_FOUND, "Not found"),
    exceptions.MethodNotAllowed: (Kind.METHOD_NOT_ALLOWED, "Method not allowed"),
    exceptions.UnsupportedMediaType: (Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
}


_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
_POSTGRES_DISK_FULL = "53100"
# PostgreSQL has closed the connection of an idle transaction. psycopg calls that an internal error.
_POSTGRES_IDLE = "25P03"


def problem_of_services(error: BaseException) -> Problem | None:
    """Return the problem of an error of the database or the disk: full, away, or locked for too long. Else None."""
    if isinstance(error, OSError) and error.errno in _FULL_DISK:
        return STORAGE_FULL
    if isinstance(error, (DatabaseError, InterfaceError)):
        cause = error.__cause__
        if (
            getattr(cause, "sqlstate", None) == _POSTGRES_DISK_FULL
            or getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        ):
            return STORAGE_FULL
        is_closed = getattr(cause, "sqlstate", None) == _POSTGRES_IDLE
        if is_closed or isinstance(error, (OperationalError, InterfaceError)):
            return UNAVAILABLE
    return None


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
    return problem_of_services(error)
