"""Responses of the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from common.domain.encoding import dumps


class JSONResponse(HttpResponse):
    """A body as JSON, or none at all.

    DRF's is a template's response: rendered after the view, by what was negotiated, at the price of a database's
    statement. A contract has one spelling, so the bytes are made at once.
    """

    def __init__(self, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"" if body is None else dumps(body), "application/json", status, headers=headers)
        if body is None:
            del self.headers["Content-Type"]
