"""JSON in and out: orjson, with the contracts' spelling of instants (`Z`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from common.errors import TooLarge

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def dumps(body: Any) -> bytes:
    """`body` as UTF-8 JSON. DRF's lazy strings and list types are written as what they stand for."""
    return orjson.dumps(body, default=_plain, option=_OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return str(value)  # ErrorDetail, lazy translations


class Response(HttpResponse):
    """A body as JSON, or none at all.

    DRF's is a template's response: rendered after the view, by what was negotiated, at the price of a database's
    statement. A contract has one spelling, so the bytes are made at once.
    """

    def __init__(self, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"" if body is None else dumps(body), "application/json", status, headers=headers)
        if body is None:
            del self.headers["Content-Type"]


class JSONParser(BaseParser):
    """Reads at most `MAX_BODY_BYTES`; too deep, NaN, lone surrogates and broken UTF-8 are malformed."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise TooLarge(f"The request body is larger than {settings.MAX_BODY_BYTES} bytes.")
        return self.decode(raw)

    def decode(self, raw: bytes) -> dict[str, Any]:
        """The object that `raw` is. Raises ParseError."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        if not isinstance(body, dict):
            raise ParseError("The body must be a JSON object.")
        return body


class TextJSONParser(JSONParser):
    """`fetch` with a string body and no header says text/plain; contract 004's own examples do that."""

    media_type = "text/plain"


class ParserByType(BaseContentNegotiation):
    """What a body is read as. What is answered is not negotiated: a contract has one spelling."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)
