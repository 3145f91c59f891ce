"""A request's body is there before a thread is taken: who sends slowly makes nobody else wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings

PATIENCE_SECONDS = 60  # between two pieces of a body
_IN_MEMORY = 1 << 20
_PIECE = 1 << 16

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class WholeBodies:
    """Calls `application` (ASGI, HTTP) when the body has arrived: in memory if it is small, else in a file without a
    name. One that stands still for a minute is answered 408; of one longer than any route takes nothing is read, and
    what the length says is what the 413 is answered on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._longest = max(settings.MAX_BODY_BYTES, settings.MAX_FORM_BYTES, settings.MAX_UPLOAD_BYTES)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if _length_of(scope) > self._longest:
            await self._application(scope, _once({"type": "http.request"}), send)
            return
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            try:
                whole = await self._gather(receive, body)
            except TimeoutError:
                await send({"type": "http.response.start", "status": 408, "headers": [(b"connection", b"close")]})
                await send({"type": "http.response.body"})
                return
            if whole is not None:
                await self._application(scope, whole, send)

    async def _gather(self, receive: Receive, body: SpooledTemporaryFile[bytes]) -> Receive | None:
        """The body to its end, or to one byte more than anybody takes. None where the client went away."""
        message = await _soon(receive)
        if not message.get("more_body"):
            return _once(message) if message["type"] == "http.request" else None
        while message["type"] == "http.request":
            body.write(message.get("body", b""))
            if not message.get("more_body") or body.tell() > self._longest:
                body.seek(0)
                return _from(body)
            message = await _soon(receive)
        return None


async def _soon(receive: Receive) -> Message:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await receive()


def _length_of(scope: dict[str, Any]) -> int:
    """What the client says; uvicorn has refused what is no number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


def _once(message: Message) -> Receive:
    async def receive() -> Message:
        return message

    return receive


def _from(body: SpooledTemporaryFile[bytes]) -> Receive:
    async def receive() -> Message:
        piece = body.read(_PIECE)
        return {"type": "http.request", "body": piece, "more_body": len(piece) == _PIECE}

    return receive
