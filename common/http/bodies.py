"""JSON bodies of requests and responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO

import orjson
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from common.domain.encoding import dumps
from common.domain.errors import TooLarge
from common.domain.types import Json, Values


class JSONParser(BaseParser):
    """Parse at most `MAX_BODY_BYTES`. Deep nesting, NaN, lone surrogates and invalid UTF-8 are malformed."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Values | None = None,
    ) -> Json:
        raw = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise TooLarge(f"The request body is larger than {settings.MAX_BODY_BYTES} bytes.")
        return self.decode(raw)

    def decode(self, raw: bytes) -> Json:
        """Return the JSON object in `raw`. Raises ParseError."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        if not isinstance(body, dict):
            raise ParseError("The body must be a JSON object.")
        return body


class TextJSONParser(JSONParser):
    """Parse JSON sent as text/plain, as `fetch` and the examples of contract 004 send it without a header."""

    media_type = "text/plain"


class IgnoreClientContentNegotiation(BaseContentNegotiation):
    """Parse by the Content-Type header and ignore the Accept header: a contract has one representation."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class JSONResponse(HttpResponse):
    """A JSON body, or no body (docs/decisions/0027).

    DRF's Response is rendered after the view, by content negotiation, which costs as much as a database statement. A
    contract has one representation, so the bytes are made at once.
    """

    def __init__(
        self, body: object = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(b"" if body is None else dumps(body), "application/json", status, headers=headers)
        if body is None:
            del self.headers["Content-Type"]
