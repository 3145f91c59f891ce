"""Tell open pages of the desk that something changed, so that they renew at once (docs/design, D117).

A page connects to `/desk/ws` with the cookie of the admin's session. It receives the text `changed` and no data, and
then asks for what it shows by a request with the user's permissions. What it sends is ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from uvicorn.protocols.utils import ClientDisconnected

from accounts.page_sessions import SessionStore
from chat.sockets import hub
from chat.sockets.frames import Scope, Send
from common.domain.types import Json

log = structlog.get_logger(__name__)

PATH = "/desk/ws"
CHANGED = "changed"
TRY_AGAIN_LATER, TOO_MANY_SOCKETS = 1013, 4429
# Changes of this time are told together. A page renews itself with some ten queries.
_GATHER_SECONDS = 1

Receive = Callable[[], Awaitable[Json]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one page (ASGI). Refuse pages of other hosts before the handshake (403)."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    await receive()
    if not _is_same_host(headers):
        await send({"type": "websocket.close"})
        return
    with suppress(ClientDisconnected):
        await _serve(headers.get(b"cookie", ""), receive, send)


def _is_same_host(headers: dict[bytes, str]) -> bool:
    """Return whether the page is one of this host: browsers send cookies with sockets of any page."""
    origin = urlsplit(headers.get(b"origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == headers.get(b"host")


async def _serve(cookie: str, receive: Receive, send: Send) -> None:
    here = hub.here()
    try:
        user = await hub.in_thread(find_member_of_staff, cookie)
        await here.begin()
    except Exception:
        log.exception("desk_socket_not_opened")
        await _refuse(TRY_AGAIN_LATER, send)
        return
    if user is None or here.registry.is_full_for(user):
        await _refuse(TOO_MANY_SOCKETS if user else hub.SESSION_ENDED, send)
        return
    is_changed = asyncio.Event()
    here.registry.watch(is_changed.set, user=user)  # before it is accepted, so that no change is missed
    teller: asyncio.Task[None] | None = None
    try:
        await send({"type": "websocket.accept"})
        teller = asyncio.create_task(_tell(is_changed, cookie, send))
        while (await receive())["type"] != "websocket.disconnect":
            pass
    finally:
        here.registry.unwatch(is_changed.set)
        if teller is not None:
            teller.cancel()
            with suppress(asyncio.CancelledError, ClientDisconnected):
                await teller


async def _refuse(code: int, send: Send) -> None:
    """Accept the socket and close it, because browsers hide the code of a handshake that failed."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})


async def _tell(is_changed: asyncio.Event, cookie: str, send: Send) -> None:
    """Tell changes, at most one in `_GATHER_SECONDS`. Close the socket within `SOCKET_CHECK_SECONDS` of its session."""
    loop = asyncio.get_running_loop()
    check_at = loop.time() + settings.SOCKET_CHECK_SECONDS
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(is_changed.wait(), max(0, check_at - loop.time()))
        if loop.time() >= check_at:
            if not await _is_signed_in(cookie):
                await send({"type": "websocket.close", "code": hub.SESSION_ENDED})
                return
            check_at = loop.time() + settings.SOCKET_CHECK_SECONDS
        if is_changed.is_set():
            is_changed.clear()
            await send({"type": "websocket.send", "text": CHANGED})
            await asyncio.sleep(_GATHER_SECONDS)


async def _is_signed_in(cookie: str) -> bool:
    try:
        return await hub.in_thread(find_member_of_staff, cookie) is not None
    except Exception:  # for example the database is away: the next round checks again
        log.warning("desk_session_not_checked", exc_info=True)
        return True


def find_member_of_staff(cookie: str) -> int | None:
    """Return the id of the user whose admin session a `Cookie` header names, or None."""
    key = parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = SessionStore(key)
    user = get_user(request)
    request.user = user
    return user.pk if admin.site.has_permission(request) else None
