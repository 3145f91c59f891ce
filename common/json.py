"""JSON in and out: orjson, with the contracts' spelling of instants (`Z`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
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


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


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


class AlwaysJSON(BaseContentNegotiation):
    """A contract has one spelling; what the client would rather have does not change it."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type
