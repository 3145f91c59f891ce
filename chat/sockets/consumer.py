"""Serve the chat socket of contract 003: `/chat/ws?token=…`, frames of JSON text in both directions (docs/chat.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import ClassVar
from urllib.parse import parse_qs

import orjson
import structlog
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.serializers import UUIDField

from accounts.models import User
from chat import actions, queries
from chat.actions import Posted
from chat.api.member import MessageInput
from chat.labels import SUPPORT
from chat.log import Draft
from chat.sockets import desk_pages, hub, intake, tokens
from chat.sockets.broadcasts import (
    Broadcast,
    FrameType,
    encode_error,
    message_broadcast,
    typing_broadcast,
)
from chat.sockets.frames import Scope, Send, encode_frame, frame_writer
from chat.sockets.origins import is_allowed
from chat.sockets.registry import Listener, Outbox
from common.domain import errors
from common.domain.caller import Caller, caller_loader
from common.domain.types import Json
from common.http.authentication import caller_of_token
from common.http.permissions import check_role, check_write
from common.http.problems import SERVER_ERROR, problem_from
from common.reads.serializers import Serializer

log = structlog.get_logger(__name__)

# Contract 003 documents the first. Its web client opens the second, and takes messages as REST shows them.
WEB_PATH = "/chat/ws/"
PATHS = ("/chat/ws", WEB_PATH)
MAX_FRAME_BYTES = 64 * 1024
TOO_BIG, TRY_AGAIN_LATER, TOO_MANY_SOCKETS = 1009, 1013, 4429
_MAX_TYPING = 1_000
_MAX_IN_FLIGHT = 16  # messages of one socket that are being stored: enough to fill transactions

Receive = Callable[[], Awaitable[Json]]


class TypingInput(Serializer):
    """A TYPING frame."""

    threadId = UUIDField(source="conversation")


class SendInput(MessageInput, TypingInput):
    """A SEND frame: REST's message and the conversation that it is for."""


# Made once: validation does not change a serializer, and making one takes longer than validation.
_TYPING, _SEND = TypingInput(), SendInput()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one socket (ASGI). Refuse unknown paths and foreign origins before the handshake (403)."""
    if scope["path"] == desk_pages.PATH:
        await desk_pages.application(scope, receive, send)
        return
    # The server logs the URL with its query, which may hold a token. It gets an empty query.
    query, scope["query_string"] = scope["query_string"], b""
    origin = dict(scope["headers"]).get(b"origin")
    if scope["path"] not in PATHS or not is_allowed(origin.decode("latin-1") if origin else None):
        await receive()
        await send({"type": "websocket.close"})
        return
    await ChatConsumer(parse_qs(query.decode("latin-1")))(scope, receive, send)


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket. It receives broadcasts through its outbox. Its messages are stored by the same actions as REST's."""

    handlers: ClassVar[dict[str, str]] = {
        FrameType.SEND: "handle_send",
        FrameType.TYPING: "handle_typing",
    }

    def __init__(self, query: dict[str, list[str]]) -> None:
        super().__init__()
        self._query = query
        self._listener: Listener | None = None
        self._outbox = Outbox(self._overrun)
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: set[asyncio.Future[Posted]] = set()
        # By `threadId` as the client spells it, only for conversations that the caller may see.
        self._typing: dict[str, Broadcast] = {}
        self._minute, self._frames = 0, 0
        self._is_closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Channels' own dispatch makes a task for each frame and hops to a thread to close connections that this loop
        # does not have. That is half of the cost of a frame (docs/decisions/0014).
        self.scope, self.base_send = scope, send
        handlers = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }
        try:
            with suppress(StopConsumer):
                while True:
                    message = await receive()
                    await handlers[message["type"]](message)
        finally:  # also if the client disconnects during the handshake
            self._leave()

    # --- Connecting and closing ---------------------------------------------------------------------------

    async def connect(self) -> None:
        here = hub.here()
        try:
            caller, self._name = await hub.in_thread(self._authenticate)
            await here.begin()
        except (AuthenticationFailed, errors.Forbidden):
            await self._refuse(hub.SESSION_ENDED)
            return
        except Exception as error:  # the database or the cache of socket tokens is away
            if problem_from(error) is None:
                log.exception("chat_socket_not_opened")
            await self._refuse(TRY_AGAIN_LATER)
            return
        if here.registry.is_full_for(caller.user_id):
            await self._refuse(TOO_MANY_SOCKETS)
            return
        takes_rows = self.scope["path"] == WEB_PATH
        self._listener = Listener(caller, self._outbox.put, self._close_soon, takes_rows=takes_rows)
        # Joined before it is accepted: a client that reads the log after the handshake misses no message.
        here.registry.join(self._listener)
        await self.accept()
        self._start(self._outbox.run(frame_writer(self.scope, self.base_send)))

    def _authenticate(self) -> tuple[Caller, str]:
        """Return the caller and the `user` of their TYPING frames."""
        caller = self._load_caller()
        if caller.is_staff:
            check_role(caller, actions.PERMISSIONS["read"])
            return caller, SUPPORT
        return caller, str(User.objects.values_list("uuid", flat=True).get(pk=caller.user_id))

    def _load_caller(self) -> Caller:
        if token := self._query.get("token"):
            return caller_of_token(token[0])
        session = tokens.redeem(self._query["ticket"][0]) if "ticket" in self._query else None
        caller = caller_loader()(session) if session else None
        if caller is None:
            raise AuthenticationFailed
        return caller

    async def _refuse(self, code: int) -> None:
        """Accept the socket and close it, because browsers hide the code of a handshake that failed."""
        await self.accept()
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        self._leave()
        raise StopConsumer

    def _leave(self) -> None:
        self._is_closed = True
        if self._listener is not None:
            hub.here().registry.leave(self._listener)
            self._listener = None
        for task in self._tasks:
            task.cancel()

    def _close_soon(self, code: int) -> None:
        """Stop writing at once and close the socket in a task, so that the caller does not wait for it."""
        if not self._is_closed:
            self._leave()
            self._start(self._send_close(code))

    async def _send_close(self, code: int) -> None:
        with suppress(Exception):  # the client has disconnected
            await self.close(code)

    def _overrun(self) -> None:
        self._close_soon(TRY_AGAIN_LATER)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._discard)

    def _discard(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the client disconnected during a write: `disconnect` follows

    # --- Receiving frames ---------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._listener is None:
            return
        if len(text_data or bytes_data or "") > MAX_FRAME_BYTES:
            self._close_soon(TOO_BIG)
            return
        frame = self._parse(text_data)
        try:
            self._admit()
            check_write(self._listener.caller)
            await self._handler_of(frame)(self._listener.caller, frame)
        except Exception as fault:  # noqa: BLE001  # the socket stays open after any error
            self._refuse_frame(frame, fault)

    def _refuse_frame(self, frame: Json, fault: BaseException) -> None:
        client_id = frame.get("clientId") if isinstance(frame.get("clientId"), str) else None
        problem = problem_from(fault)
        if problem is None:
            log.error("chat_frame_not_taken", exc_info=fault)
        self._outbox.put(encode_frame(encode_error((problem or SERVER_ERROR).detail, client_id)))

    @staticmethod
    def _parse(text: str | None) -> Json:
        try:
            frame = orjson.loads(text or "")
        except orjson.JSONDecodeError:
            return {}
        return frame if isinstance(frame, dict) else {}

    def _handler_of(self, frame: Json) -> Callable[[Caller, Json], Awaitable[None]]:
        name = self.handlers.get(frame["type"]) if isinstance(frame.get("type"), str) else None
        if name is None:
            raise errors.Invalid('Send a JSON object whose "type" is SEND or TYPING.')
        handler: Callable[[Caller, Json], Awaitable[None]] = getattr(self, name)
        return handler

    def _admit(self) -> None:
        """Allow `RATE_USER` frames a minute, counted in memory before the database or Redis is used."""
        minute = int(time.monotonic() // 60)
        self._minute, self._frames = minute, self._frames + 1 if minute == self._minute else 1
        if self._frames > settings.RATE_USER:
            raise errors.TooMany

    async def handle_send(self, caller: Caller, frame: Json) -> None:
        """Store a SEND frame's message. All listeners receive it on commit, its sender included.

        The next frame is handled while this one is being stored. The intake keeps their order.
        """
        check_role(caller, actions.PERMISSIONS["post"])
        given = _SEND.run_validation(frame)
        if "uploads" in given:
            await self._wait_for_flight(0)
            self._echo_repeated(await hub.in_thread(_post_with_uploads, caller, given))
            return
        await self._wait_for_flight(_MAX_IN_FLIGHT - 1)
        done = intake.post(Draft(by=caller, **given))
        self._in_flight.add(done)
        done.add_done_callback(partial(self._settle, frame))

    async def _wait_for_flight(self, most: int) -> None:
        """Wait until at most `most` messages are being stored."""
        while len(self._in_flight) > most:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    def _settle(self, frame: Json, done: asyncio.Future[Posted]) -> None:
        self._in_flight.discard(done)
        if done.cancelled():
            return
        if fault := done.exception():
            self._refuse_frame(frame, fault)
        else:
            self._echo_repeated(done.result())

    def _echo_repeated(self, posted: Posted) -> None:
        """Send the message to its sender if it was stored earlier: it is not broadcast again, but its sender waits.

        Messages before it come first. Another process may have stored them, and a client that is cut off between the
        two would take the later one for the last known and never read them.
        """
        if not posted.is_new:
            entry = message_broadcast(posted.message)
            hub.here().call_after(entry, lambda: self._outbox.put(encode_frame(entry.text_for_author)))

    async def handle_typing(self, caller: Caller, frame: Json) -> None:
        """Send TYPING to the other listeners of the conversation. It is not stored."""
        given = frame.get("threadId")
        broadcast = self._typing.get(given) if isinstance(given, str) else None
        if broadcast is None:
            conversation = _TYPING.run_validation(frame)["conversation"]
            customer = await hub.in_thread(queries.find_customer_id, caller, conversation)
            if customer is None:
                raise actions.ConversationNotFound
            broadcast = typing_broadcast(
                customer=customer, conversation=conversation, author=caller.user_id, name=self._name
            )
            if len(self._typing) >= _MAX_TYPING:
                self._typing.clear()
            self._typing[str(given)] = broadcast
        hub.publish(broadcast)


def _post_with_uploads(caller: Caller, given: Json) -> Posted:
    intake.admit(caller)
    return actions.post_message(by=caller, now=timezone.now(), **given)
