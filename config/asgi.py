"""Both protocols in one process on one port, for `make run`.

HTTP runs as WSGI in threads, because Django's ASGI handler makes a thread per request and answers a fifth as
fast; sockets stay on the event loop.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware  # Django reads the settings' name first

from config.wsgi import application as wsgi

THREADS = 8

http = WSGIMiddleware(wsgi, workers=THREADS)  # type: ignore[arg-type]  # the stub's WSGIHandler returns less


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        # No room has sockets yet; the handshake is refused (403) and the process goes on.
        await receive()
        await send({"type": "websocket.close", "code": 4404})
