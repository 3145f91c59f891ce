"""Both protocols in one process on one port, for `make run`; in production the process that has the sockets.

HTTP runs as WSGI in threads, because Django's ASGI handler makes a thread per request and answers a fifth as
fast; sockets stay on the event loop. A thread is taken when a request is there as a whole, and let go when its answer is
made: who sends or reads slowly holds none.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware  # Django reads the settings' name first

from config.bodies import WholeBodies
from config.wsgi import application as wsgi  # which loads the rooms

from chat.socket import application as sockets  # isort: skip

THREADS = 8

http = WholeBodies(
    WSGIMiddleware(wsgi, workers=THREADS, send_queue_size=0)  # type: ignore[arg-type]  # no limit to what waits to be sent
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await sockets(scope, receive, send)
