"""HTTP and WebSockets in one process on one port, for `make run`. In production, the process of the sockets.

HTTP runs as WSGI in threads, because Django's ASGI handler makes a thread per request and answers a fifth as fast
(docs/decisions/0025). WebSockets stay on the event loop.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.wsgi import application as wsgi  # it sets Django up

from chat.sockets.consumer import application as sockets  # isort: skip
from common.domain.types import Json  # isort: skip  # Django's generic classes take arguments only after setup

Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]

http: Any = WSGIMiddleware(wsgi, workers=settings.WEB_THREADS)  # type: ignore[arg-type]  # it types environ by its keys


async def application(scope: Json, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        # WSGI cannot tell `X_Forwarded_For` from `X-Forwarded-For`, which only the proxy may write. nginx drops it too.
        headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
        await http({**scope, "headers": headers}, receive, send)
    elif scope["type"] == "websocket":
        await sockets(scope, receive, send)
