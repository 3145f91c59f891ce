"""Both protocols in one process on one port, for `make run`; in production the process that has the sockets.

HTTP runs as WSGI in threads, because Django's ASGI handler makes a thread per request and answers a fifth as
fast; sockets stay on the event loop.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.bridge import Bridge  # Django reads the settings' name first
from config.wsgi import application as wsgi  # which loads the rooms

from chat.sockets.consumer import application as sockets  # isort: skip

THREADS = 8

http = Bridge(wsgi, threads=THREADS)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await sockets(scope, receive, send)
