"""Responses of the contracts."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpResponse

from common.domain.encoding import dumps


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
