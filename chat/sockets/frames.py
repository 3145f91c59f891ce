"""WebSocket frames (RFC 6455), spelled once for everybody who hears them and written several at a time.

ASGI sends a text at a time: the server spells it anew for each socket and asks the kernel for each frame. Where the
server takes frames as they are (chat/protocol.py) they go out so, elsewhere as ASGI knows them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from common.domain.types import Json

Scope = Json
Send = Callable[[Json], Awaitable[None]]
Write = Callable[[Sequence[bytes]], Awaitable[None]]

EXTENSION = "websocket.send.frames"
_TEXT = b"\x81"  # a whole message, of text


def spell(text: bytes) -> bytes:
    """A server's frame of that text."""
    size = len(text)
    if size < 126:
        return _TEXT + size.to_bytes(1, "big") + text
    if size < 1 << 16:
        return _TEXT + b"\x7e" + size.to_bytes(2, "big") + text
    return _TEXT + b"\x7f" + size.to_bytes(8, "big") + text


def text_of(frame: bytes) -> str:
    """What `spell` has spelled."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :].decode()


def writer(scope: Scope, send: Send) -> Write:
    """The shortest way to write frames to this socket. It waits while the reader does not read."""

    async def at_once(frames: Sequence[bytes]) -> None:
        await send({"type": "websocket.send", "frames": b"".join(frames)})

    async def one_by_one(frames: Sequence[bytes]) -> None:
        for frame in frames:
            await send({"type": "websocket.send", "text": text_of(frame)})

    return at_once if EXTENSION in scope.get("extensions", {}) else one_by_one
