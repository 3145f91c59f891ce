"""Routes that match with and without their documented slash, and converters of ids.

A redirect would lose a write's body, so neither form redirects. `//` at the end matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import Resolver404, URLPattern, resolve
from django.urls.converters import register_converter
from django.urls.resolvers import RoutePattern

from common.domain import ids

_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class _EitherSlash(RoutePattern):
    def __init__(self, route: str, name: str | None) -> None:
        super().__init__(route, name=name, is_endpoint=True)
        # The literal start of the route. Most requests are for other routes, and this comparison is cheap.
        self.start = route.partition("<")[0].removesuffix("/")

    def match(self, path: str) -> tuple[str, tuple[object, ...], dict[str, int | str]] | None:
        if not path.startswith(self.start) or path.endswith("//"):
            return None
        other = path[:-1] if path.endswith("/") else f"{path}/"
        return super().match(path) or super().match(other)


def route(path: str, view: Callable[..., HttpResponseBase], name: str | None = None) -> URLPattern:
    """Return the pattern of a documented route. Swagger lists it once, as it is written here."""
    return URLPattern(_EitherSlash(path, name), view, None, name)


def view_class_of(path: str) -> Any:
    """Return the class of the view that an address leads to, or None if it leads to none."""
    try:
        view = resolve(path).func
    except Resolver404:
        return None
    # A viewset's route has only the latter.
    return getattr(view, "view_class", None) or getattr(view, "cls", None)


class IdConverter:
    """Convert a positive integer of at most 63 bits. A longer one does not match, and is no error."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number < 2**63:
            raise ValueError
        return number

    def to_url(self, value: int) -> str:
        return str(value)


class PublicIdConverter:
    """Convert a uuid in upper or lower case. Any other text is None, so that the view's 404 names the model."""

    regex = "[^/]+"

    def to_python(self, value: str) -> UUID | None:
        return UUID(value) if re.fullmatch(_UUID, value) else None

    def to_url(self, value: UUID) -> str:
        return str(value)


def prefixed(prefix: str) -> type:
    """Return a converter for ids like `ORD123`. The view gets the integer."""

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
