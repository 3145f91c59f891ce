"""The WSGI application. Production runs `granian --interface wsgi config.wsgi:application`."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from typing import IO
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_CHUNK_BYTES = 1 << 16

_django = get_wsgi_application()

from common.domain.database import bound_waits  # noqa: E402  # models are loaded only now

bound_waits()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Call Django with a body that has a length, and drain what it leaves unread.

    Django takes a request without a length for one without a body. So a chunked body is read first, at most one byte
    more than the limit.
    """
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        body = environ["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
        environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    response = _django(environ, start_response)
    if environ.get("CONTENT_LENGTH") not in ("", "0", None):
        _drain(environ["wsgi.input"])
    return response


def _drain(body: IO[bytes]) -> None:
    """Read what a refusal left unread, at most the largest body that any route accepts (docs/decisions/0030).

    A server that closes the connection on unread bytes resets it, and a proxy that is still sending answers 502 instead
    of the refusal.
    """
    left = max(settings.MAX_BODY_BYTES, settings.MAX_FORM_BYTES, settings.MAX_UPLOAD_BYTES)
    with suppress(OSError):  # the client has closed the connection
        while left > 0 and (chunk := body.read(_CHUNK_BYTES)):
            left -= len(chunk)


# Load every view before the first request, then exempt what is loaded from garbage collection (docs/decisions/0028).
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 100)
