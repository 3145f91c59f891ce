"""Extend uvicorn's WebSocket protocol: send encoded frames, and drop clients that do not read."""

from __future__ import annotations

from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chat.sockets.frames import EXTENSION, Scope


class Protocol(WebSocketsSansIOProtocol):
    """Accept `frames` in `websocket.send`, and abort a connection whose client does not read its close frame."""

    async def run_asgi(self) -> None:
        cast("Scope", self.scope)["extensions"][EXTENSION] = {}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        frames = message.get("frames")
        if frames is None:
            if message["type"] == "websocket.close":
                self._abort_later()
            await super().send(message)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frames)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._abort_later()

    def _abort_later(self) -> None:
        # A closed transport waits until its buffer is read, and the close frame waits until the buffer has room.
        self.loop.call_later(self.close_timeout, self.transport.abort)
