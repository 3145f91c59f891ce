"""Encode WebSocket frames (RFC 6455) once for all their recipients and write several at a time.

ASGI sends one text at a time: the server encodes it again for each socket and makes a system call for each frame.
Servers with the extension of `chat.sockets.protocol` take encoded frames. All others get ASGI's messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from common.domain.types import Json

Scope = Json
Send = Callable[[Json], Awaitable[None]]
Write = Callable[[Sequence[bytes]], Awaitable[None]]

EXTENSION = "websocket.send.frames"
_TEXT = b"\x81"  # FIN and the opcode of a text message


def encode_frame(text: bytes) -> bytes:
    """Return the unmasked frame of a text message, as a server sends it."""
    size = len(text)
    if size < 126:
        return _TEXT + size.to_bytes(1, "big") + text
    if size < 1 << 16:
        return _TEXT + b"\x7e" + size.to_bytes(2, "big") + text
    return _TEXT + b"\x7f" + size.to_bytes(8, "big") + text


def decode_frame(frame: bytes) -> str:
    """Return the text of a frame of `encode_frame`."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :].decode()


def frame_writer(scope: Scope, send: Send) -> Write:
    """Return the coroutine function that writes frames to this socket. It waits while the client does not read."""

    async def write_together(frames: Sequence[bytes]) -> None:
        await send({"type": "websocket.send", "frames": b"".join(frames)})

    async def write_one_by_one(frames: Sequence[bytes]) -> None:
        for frame in frames:
            await send({"type": "websocket.send", "text": decode_frame(frame)})

    return write_together if EXTENSION in scope.get("extensions", {}) else write_one_by_one
