"""HTTP and WebSockets in one process on one port, for `make run`. In production, the process of the sockets.

HTTP runs as WSGI in threads, because Django's ASGI handler makes a thread per request and answers a fifth as fast
(docs/decisions/0025). WebSockets stay on the event loop.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from a2wsgi import WSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.wsgi import application as wsgi  # it sets Django up

from chat.sockets.consumer import application as sockets  # isort: skip
from common.domain.types import Json  # isort: skip

Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]

THREADS = 8

http: Any = WSGIMiddleware(wsgi, workers=THREADS)  # type: ignore[arg-type]  # it types environ by its keys


async def application(scope: Json, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await sockets(scope, receive, send)
