"""The chat socket of contract 003: `/chat/ws?token=…`, frames of JSON text in both directions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
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
from chat.actions import Draft, Posted
from chat.api.member import MessageInput
from chat.labels import SUPPORT
from chat.sockets import hub, intake, tokens
from chat.sockets.broadcasts import Broadcast, encode_error, message_broadcast, typing_broadcast
from chat.sockets.frames import Scope, Send, spell, writer
from chat.sockets.origins import is_welcome
from chat.sockets.registry import Listener, Outbox
from common.domain import errors
from common.domain.caller import Caller, caller_loader
from common.domain.types import Json
from common.http.authentication import caller_of_token
from common.http.permissions import check_role
from common.http.problems import SERVER_ERROR, problem_from
from common.reads.serializers import Serializer

log = structlog.get_logger(__name__)

PATHS = ("/chat/ws", "/chat/ws/")
LARGEST_FRAME = 64 * 1024
TOO_BIG, TRY_AGAIN_LATER, TOO_MANY_SOCKETS = 1009, 1013, 4429
_MAX_CONVERSATIONS = 1_000
_MOST_UNDER_WAY = 16  # messages of one socket that are being stored: enough to fill transactions

Receive = Callable[[], Awaitable[Json]]


class TypingInput(Serializer):
    """A TYPING frame."""

    threadId = UUIDField(source="conversation")


class SendInput(MessageInput, TypingInput):
    """A SEND frame: a message as REST takes it, and the conversation it is for."""


# Validating does not change them, making one takes longer than that.
_TYPING, _SEND = TypingInput(), SendInput()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application. Unknown addresses and pages of strangers are refused before the handshake (403)."""
    # The server logs an address with its query, and tokens travel there: it gets to see none.
    query, scope["query_string"] = scope["query_string"], b""
    origin = dict(scope["headers"]).get(b"origin")
    if scope["path"] not in PATHS or not is_welcome(origin.decode("latin-1") if origin else None):
        await receive()
        await send({"type": "websocket.close"})
        return
    await ChatSocket(parse_qs(query.decode("latin-1")))(scope, receive, send)


class ChatSocket(AsyncWebsocketConsumer):
    """One socket. What it hears comes through its outbox; what it says is stored by the same actions as REST's."""

    handlers: ClassVar[dict[str, str]] = {"SEND": "take_message", "TYPING": "take_typing"}

    def __init__(self, query: dict[str, list[str]]) -> None:
        super().__init__()
        self._query = query
        self._listener: Listener | None = None
        self._outbox = Outbox(self._overrun)
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Future[Posted]] = set()
        self._typing: dict[
            str, Broadcast
        ] = {}  # by the conversation's id as he writes it, where it is known to be his
        self._minute, self._frames = 0, 0
        self._is_closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Channels' own makes a task for every frame and hops to a thread, to close connections that this loop does not
        # have: half of what a frame costs.
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
        finally:  # also when the peer went away in the middle of its handshake
            self._leave()

    # --- Coming and going ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        here = hub.here()
        try:
            caller, self._name = await hub.in_thread(self._authenticate)
            await here.begin()
        except (AuthenticationFailed, errors.Forbidden):
            await self._refuse(hub.SESSION_ENDED)
            return
        except Exception as error:  # the database or the tickets' cache is away
            if problem_from(error) is None:
                log.exception("chat_socket_not_opened")
            await self._refuse(TRY_AGAIN_LATER)
            return
        if here.registry.is_full_for(caller.user_id):
            await self._refuse(TOO_MANY_SOCKETS)
            return
        self._listener = Listener(caller, self._outbox.put, self._close_soon)
        # First it listens, then it is accepted: what its owner reads after that and what it hears is everything.
        here.registry.join(self._listener)
        await self.accept()
        self._start(self._outbox.run(writer(self.scope, self.base_send)))

    def _authenticate(self) -> tuple[Caller, str]:
        """The caller, and how his typing is signed."""
        caller = self._caller()
        if caller.is_staff:
            check_role(caller, actions.PERMISSIONS["read"])
            return caller, SUPPORT
        return caller, str(User.objects.values_list("uuid", flat=True).get(pk=caller.user_id))

    def _caller(self) -> Caller:
        if token := self._query.get("token"):
            return caller_of_token(token[0])
        session = tokens.redeem(self._query["ticket"][0]) if "ticket" in self._query else None
        caller = caller_loader()(session) if session else None
        if caller is None:
            raise AuthenticationFailed
        return caller

    async def _refuse(self, code: int) -> None:
        """Accepted and closed, because a browser hides the code of a handshake that failed."""
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
        """Close from outside its own task: nothing more is written, and nobody waits for it."""
        if not self._is_closed:
            self._leave()
            self._start(self._say_goodbye(code))

    async def _say_goodbye(self, code: int) -> None:
        with suppress(Exception):  # gone already
            await self.close(code)

    def _overrun(self) -> None:
        self._close_soon(TRY_AGAIN_LATER)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the peer has gone while something was written; `disconnect` follows

    # --- What it says -------------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._listener is None:
            return
        if len(text_data or bytes_data or "") > LARGEST_FRAME:
            self._close_soon(TOO_BIG)
            return
        frame = self._read(text_data)
        try:
            self._admit()
            await self._handler_of(frame)(self._listener.caller, frame)
        except Exception as fault:  # noqa: BLE001  # whatever it is, the socket lives and says so
            self._refuse_frame(frame, fault)

    def _refuse_frame(self, frame: Json, fault: BaseException) -> None:
        client_id = frame.get("clientId") if isinstance(frame.get("clientId"), str) else None
        problem = problem_from(fault)
        if problem is None:
            log.error("chat_frame_not_taken", exc_info=fault)
        self._outbox.put(spell(encode_error((problem or SERVER_ERROR).detail, client_id)))

    @staticmethod
    def _read(text: str | None) -> Json:
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
        """At most `RATE_USER` frames a minute from one socket, before anything is asked of anybody."""
        minute = int(time.monotonic() // 60)
        self._minute, self._frames = minute, self._frames + 1 if minute == self._minute else 1
        if self._frames > settings.RATE_USER:
            raise errors.TooMany

    async def take_message(self, caller: Caller, frame: Json) -> None:
        """SEND: stored; then it comes back to everybody who listens, its sender among them.

        The next frame is taken while this one is being stored; the intake keeps their order.
        """
        check_role(caller, actions.PERMISSIONS["post"])
        given = _SEND.run_validation(frame)
        if "uploads" in given:
            await self._stored(0)
            self._take_posted(await hub.in_thread(_post_with_uploads, caller, given))
            return
        await self._stored(_MOST_UNDER_WAY - 1)
        done = intake.post(Draft(by=caller, **given))
        self._under_way.add(done)
        done.add_done_callback(partial(self._settled, frame))

    async def _stored(self, most: int) -> None:
        """Wait until no more than so many messages are being stored."""
        while len(self._under_way) > most:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    def _settled(self, frame: Json, done: asyncio.Future[Posted]) -> None:
        self._under_way.discard(done)
        if done.cancelled():
            return
        if fault := done.exception():
            self._refuse_frame(frame, fault)
        else:
            self._take_posted(done.result())

    def _take_posted(self, posted: Posted) -> None:
        if not posted.is_new:  # nobody else hears of it twice, but its sender waits for it
            self._outbox.put(spell(message_broadcast(posted.message).text_for_author))

    async def take_typing(self, caller: Caller, frame: Json) -> None:
        """TYPING: told to the others of the conversation, stored nowhere."""
        said = frame.get("threadId")
        event = self._typing.get(said) if isinstance(said, str) else None
        if event is None:
            conversation = _TYPING.run_validation(frame)["conversation"]
            customer = await hub.in_thread(queries.conversation_customer, caller, conversation)
            if customer is None:
                raise actions.ConversationNotFound
            event = typing_broadcast(
                customer=customer, conversation=conversation, author=caller.user_id, name=self._name
            )
            if len(self._typing) >= _MAX_CONVERSATIONS:
                self._typing.clear()
            self._typing[str(said)] = event
        hub.publish(event)


def _post_with_uploads(caller: Caller, given: Json) -> Posted:
    intake.admit(caller)
    return actions.post_message(by=caller, now=timezone.now(), **given)
