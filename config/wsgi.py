"""The HTTP side: `granian --interface wsgi config.wsgi:application` in production."""

import gc
import os
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Any

import django
from django.conf import settings
from django.core.cache import close_caches
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)


if not settings.DEBUG:
    # Each looks through all connections or caches, a fiftieth of a small request, for what cannot be there: no query
    # is logged, no cache is closed by hand, and what a request left behind is looked for when it ends.
    request_started.disconnect(reset_queries)
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_caches)

_PIECE = 1 << 16
_LONGEST = 200  # characters of an address that is remembered: a stranger's are no way to fill the memory


class Handler(WSGIHandler):
    """Django's, which remembers where an address leads: trying sixty patterns cost a tenth of a small request."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        path = request.path_info
        request.resolver_match = _match_of(path) if len(path) <= _LONGEST else get_resolver().resolve(path)
        return request.resolver_match


@lru_cache(maxsize=4096)
def _match_of(path: str) -> ResolverMatch:
    return get_resolver().resolve(path)


_django = Handler()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Django, which takes a request without a length for one without a body: a chunked body is read before, at most
    one byte more than the limit, and comes with its length."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        body = environ["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
        environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    answer = _django(environ, start_response)
    if environ.get("CONTENT_LENGTH") not in ("", "0", None):
        _take_in(environ["wsgi.input"])
    return answer


def _take_in(body: Any) -> None:
    """What a refusal left unread. A server that closes on it resets the connection, and a proxy that was still sending
    says 502 instead of why. Of what nobody takes no more than the longest that somebody does."""
    left = max(settings.MAX_BODY_BYTES, settings.MAX_FORM_BYTES, settings.MAX_UPLOAD_BYTES)
    with suppress(OSError):  # the client has gone
        while left > 0 and (piece := body.read(_PIECE)):
            left -= len(piece)


# Load every view now rather than in somebody's first request, then tell the collector that what is here stays:
# a list of orders makes a thousand short-lived containers, and walking all of Django for each few hundred of them
# cost a sixth of the request.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 100)
