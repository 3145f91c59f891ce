"""WSGI in threads, on an ASGI server. A thread is taken when a request is there as a whole and let go when its answer
is made: who sends or reads slowly holds none (docs/decisions/0020)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BufferedReader
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from asgiref.wsgi import WsgiToAsgiInstance
from django.conf import settings

PATIENCE_SECONDS = 60  # between two pieces of a body
_IN_MEMORY = 1 << 20  # what is larger lies in a file without a name
_PIECE = 1 << 16

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Head = tuple[int, list[tuple[bytes, bytes]]]


class Bridge:
    """An ASGI application for HTTP that calls `wsgi` in one of so many threads.

    A body that stands still for a minute is answered 408. Of one that is longer than any route takes nothing is read:
    its 413 is answered on what its length says.
    """

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self._wsgi = wsgi
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="http")
        self._longest = max(settings.MAX_BODY_BYTES, settings.MAX_FORM_BYTES, settings.MAX_UPLOAD_BYTES)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            try:
                is_there = _length_of(scope) > self._longest or await self._gather(receive, body)
            except TimeoutError:
                await send(
                    {"type": "http.response.start", "status": 408, "headers": [(b"connection", b"close")]}
                )
                await send({"type": "http.response.body"})
                return
            if not is_there:
                return
            body.seek(0)
            environ = _environ(scope, body)
            work = partial(self._answer, environ)
            (status, headers), content = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        with content:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            piece: bytes | None = content.read(_PIECE)
            while piece is not None:
                following = content.read(_PIECE) or None
                await send({"type": "http.response.body", "body": piece, "more_body": following is not None})
                piece = following

    async def _gather(self, receive: Receive, body: IO[bytes]) -> bool:
        """Whether the body came, to its end or to one byte more than anybody takes; else the client went away."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await receive()
            if message["type"] != "http.request":
                return False
            body.write(message.get("body", b""))
            if not message.get("more_body") or body.tell() > self._longest:
                return True

    def _answer(self, environ: dict[str, Any]) -> tuple[Head, IO[bytes]]:
        """In a thread: the whole answer, and nothing of it is Django's any more."""
        head: list[Head] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            # Django writes a cookie with a space before it, which a strict server refuses.
            lines = [
                (name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers
            ]
            head[:] = [(int(status[:3]), lines)]

        answer = self._wsgi(environ, start_response)
        try:
            content = _opened_again(answer) or _copied(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        return head[0], content


class _File:
    """`wsgi.file_wrapper` (PEP 3333)."""

    def __init__(self, file: IO[bytes], size: int = _PIECE) -> None:
        self.file, self.close = file, file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(partial(self.file.read, _PIECE), b"")


def _opened_again(answer: Iterable[bytes]) -> IO[bytes] | None:
    """A file of the disk, whose closing also ends the request in Django: that is done in its thread."""
    if not isinstance(answer, _File) or not isinstance(answer.file, BufferedReader):
        return None
    again = os.fdopen(os.dup(answer.file.fileno()), "rb")
    again.seek(answer.file.tell())
    return again


def _copied(answer: Iterable[bytes]) -> IO[bytes]:
    content = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed when it is sent
    for piece in answer:
        content.write(piece)
    content.seek(0)
    return content


def _environ(scope: dict[str, Any], body: IO[bytes]) -> dict[str, Any]:
    request: Any = WsgiToAsgiInstance(None, duplicate_header_limit=None)  # type: ignore[no-untyped-call]
    request.scope = scope
    return {**request.build_environ(scope, body), "wsgi.file_wrapper": _File}


def _length_of(scope: dict[str, Any]) -> int:
    """What the client says; the server has refused what is no number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
