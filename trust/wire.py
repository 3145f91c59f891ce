"""An asyncio HTTP/1.1 client that records when a request was sent and whether its whole response arrived."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

ANSWER_SECONDS = 60


@dataclass
class Ask:
    """A request. `id` is its X-Request-ID, `sent_at` the time its last byte was written (0: it was not)."""

    id: str
    line: str
    sent_at: float = 0.0
    seconds: float = 0.0
    status: int = 0
    got: int = 0  # bytes of the response
    is_whole: bool = False
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.line}: status {self.status}, {self.got} bytes, {self.fault or 'whole'}"


class Client:
    """A client with one connection at a time, persistent or not."""

    def __init__(self, port: int, *, keeps: bool = True, headers: dict[str, str] | None = None) -> None:
        self.port, self.keeps = port, keeps
        self.headers = headers or {}
        self.asked: list[Ask] = []
        self.refused = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> Ask | None:
        """Send a request on the open or a new connection. Return None if no connection could be opened."""
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                return None
        ask = Ask(uuid4().hex, f"{method} {path}")
        self.asked.append(ask)
        began = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                closes = await self._exchange(ask, self._bytes(ask, method, path, body))
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as fault:
            ask.fault, closes = f"{type(fault).__name__}: {fault}", True
        ask.seconds = time.monotonic() - began
        if closes or not self.keeps:
            self.close()
        return ask

    def close(self) -> None:
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].close()
            self._streams = None

    def _bytes(self, ask: Ask, method: str, path: str, body: Any) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Host": f"localhost:{self.port}", "X-Request-ID": ask.id, **self.headers}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        if not self.keeps:
            headers["Connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content

    async def _exchange(self, ask: Ask, request: bytes) -> bool:
        """Write the request, read the whole response, and return whether the server closes afterwards."""
        assert self._streams
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        ask.sent_at = time.monotonic()
        head = await self._count(ask, reader.readuntil(b"\r\n\r\n"))
        first, *lines = head.decode("latin-1").lower().split("\r\n")
        ask.status = int(first.split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines if line)
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await self._count(ask, reader.readuntil(b"\r\n"))).split(b";")[0], 16):
                await self._count(ask, reader.readexactly(size + 2))
            await self._count(ask, reader.readexactly(2))
        elif ask.status not in (204, 304):
            await self._count(ask, reader.readexactly(int(headers["content-length"])))
        ask.is_whole = True
        return headers.get("connection") == "close"

    @staticmethod
    async def _count(ask: Ask, reading: Awaitable[bytes]) -> bytes:
        try:
            content = await reading
        except asyncio.IncompleteReadError as cut:
            ask.got += len(cut.partial)
            raise
        ask.got += len(content)
        return content


Action = Callable[[Client], Awaitable[None]]


async def crowd(clients: list[Client], act: Action, until: Callable[[], bool]) -> None:
    """Run `act` repeatedly for all clients at once, until `until()` is true or a connection is refused."""

    async def one(client: Client) -> None:
        while not until() and not client.refused:
            await act(client)
        client.close()

    await asyncio.gather(*map(one, clients))
