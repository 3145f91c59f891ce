"""Routes that answer with and without their documented slash, and id converters that fit the database.

A redirect would lose a write's body, so neither spelling redirects; `//` is nobody's address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import URLPattern
from django.urls.converters import register_converter
from django.urls.resolvers import RoutePattern

from common.domain import ids

_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class _EitherSlash(RoutePattern):
    def __init__(self, route: str, name: str | None) -> None:
        super().__init__(route, name=name, is_endpoint=True)
        # What every address of it begins with: most requests are another route's, and go by at a word's price.
        self.start = route.partition("<")[0].removesuffix("/")

    def match(self, path: str) -> Any:
        if not path.startswith(self.start) or path.endswith("//"):
            return None
        other = path[:-1] if path.endswith("/") else f"{path}/"
        return super().match(path) or super().match(other)


def route(path: str, view: Callable[..., HttpResponseBase], name: str | None = None) -> URLPattern:
    """One documented address. Swagger lists it once, as it is written here."""
    return URLPattern(_EitherSlash(path, name), view, None, name)


class IdConverter:
    """A positive integer of at most 63 bits; a longer one is an unknown address, not an error."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number < 2**63:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        return str(value)


class PublicIdConverter:
    """A uuid, in either case. Anything else is None: nothing has that id, and the view's 404 names the thing."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID | None:
        return UUID(value) if re.fullmatch(_UUID, value) else None

    def to_url(self, value: UUID) -> str:
        return str(value)


def prefixed(prefix: str) -> type:
    """A converter for `ORD123`-like ids; the view gets the integer."""

    class Converter:
        regex = prefix + "[0-9]{1,19}"

        def to_python(self, value: str) -> int:
            number = ids.parse_id(prefix, value)
            if number is None:
                raise ValueError
            return number

        def to_url(self, value: int) -> str:
            return ids.format_id(prefix, value)

    return Converter


register_converter(IdConverter, "id")
register_converter(PublicIdConverter, "public_id")
