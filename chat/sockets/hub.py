"""Connect a process's sockets to all publishers: requests, the admin, commands and other processes.

A process without sockets, such as a web worker or a command, only publishes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import get_ident
from typing import ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import close_old_connections
from django.db.models import Model

from chat import queries
from chat.events import Event
from chat.sockets.broadcasts import Broadcast, event_broadcast, message_broadcast
from chat.sockets.bus import Publisher, Subscriber
from chat.sockets.registry import Registry
from chat.sockets.turns import LOOK_BACK, Turns
from common.domain import models as domain
from customers.callers import load_callers

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

SESSION_ENDED = 4401
_THREADS = 4
_MARGIN = timedelta(seconds=30)  # a lost connection is noticed later, and clocks of processes differ
_SECOND_READ_SECONDS = 3
_REDIS_SECONDS = 2


def publish(*broadcasts: Broadcast) -> None:
    """Deliver broadcasts to the sockets of this and of other processes.

    Any thread may call it. It neither waits nor fails.
    """
    here = _here
    if here is not None and here.thread == get_ident():
        here.receive(*broadcasts)
    elif here is not None:
        with suppress(RuntimeError):  # the loop has just been closed
            here.loop.call_soon_threadsafe(here.receive, *broadcasts)
    if settings.REDIS_URL:
        _publisher(settings.REDIS_URL, _channel()).publish(broadcasts)


def publish_messages(events: Sequence[Event]) -> None:
    """Publish stored messages: the subscriber of `chat.events`."""
    publish(*[message_broadcast(event.message) for event in events])


def publish_event(event: domain.Event, subject: Model) -> None:
    """Publish what lower floors record: the subscriber of `common.domain.events`."""
    publish(event_broadcast(event, subject))


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work`, which uses the database, on a thread of a small pool. Its connection is kept as a request's is."""

    def run() -> T:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_pool(), run)


class Hub:
    """The state of a process with sockets, on its event loop."""

    def __init__(self) -> None:
        self.loop, self.thread = asyncio.get_running_loop(), get_ident()
        self.registry = Registry()
        self._turns = Turns(_read_log, self.registry.deliver)
        self._beginning = asyncio.Lock()
        self._has_begun = False
        self._subscriber: Subscriber | None = None
        self._tasks = {self.loop.create_task(self._check_regularly())}
        if settings.REDIS_URL:
            self._subscriber = Subscriber(settings.REDIS_URL, _channel(), self.receive, self._catch_up)
            self._tasks.add(self.loop.create_task(self._subscriber.run()))

    def receive(self, *broadcasts: Broadcast) -> None:
        """Deliver broadcasts to this process's sockets, entries of a log in number order."""
        for broadcast in broadcasts:
            if broadcast.number:
                self._turns.receive(broadcast)
            else:
                self.registry.deliver(broadcast)

    def call_after(self, entry: Broadcast, call: Callable[[], None]) -> None:
        """Call `call` when this process's sockets have received the entry of a log and all before it."""
        self._turns.call_after(entry, call)

    async def begin(self) -> None:
        """Listen to other processes, then read the positions of recently active conversations.

        Await it before the first socket is accepted, so that each message that is stored later is delivered. It does
        not wait longer than 2 s for Redis.
        """
        async with self._beginning:
            if self._has_begun:
                return
            if self._subscriber:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._subscriber.listening.wait(), _REDIS_SECONDS)
            self._turns.begin(await in_thread(queries.get_conversations_since, datetime.now(UTC) - LOOK_BACK))
            self._has_begun = True

    async def check_sessions(self) -> None:
        """Close the sockets of ended sessions. One query for all sockets."""
        sessions = {listener.session for listener in self.registry}
        callers = await in_thread(load_callers, sessions) if sessions else {}
        for listener in list(self.registry):
            if listener.session in callers:
                self.registry.move(listener, callers[listener.session])
            elif listener.session in sessions:
                listener.close(SESSION_ENDED)

    def stop(self) -> None:
        self._turns.stop()
        for task in self._tasks:
            task.cancel()

    async def _check_regularly(self) -> None:
        while True:
            await asyncio.sleep(settings.SOCKET_CHECK_SECONDS)
            self._turns.drop_idle()
            try:
                await self.check_sessions()
            except Exception:  # for example the database is away: the next round checks again
                log.warning("chat_sessions_not_checked", exc_info=True)

    async def _catch_up(self, sound_at: datetime) -> None:
        """Read the logs from `sound_at` on, after the connection to Redis was lost.

        Read them again 3 s later, for messages that other processes stored before they had reconnected.
        """
        if not self._has_begun:
            return
        await self._announce_since(sound_at - _MARGIN)
        later = self.loop.create_task(self._announce_later(sound_at - _MARGIN))
        self._tasks.add(later)
        later.add_done_callback(self._tasks.discard)

    async def _announce_later(self, since: datetime) -> None:
        await asyncio.sleep(_SECOND_READ_SECONDS)
        await self._announce_since(since)

    async def _announce_since(self, since: datetime) -> None:
        try:
            conversations = await in_thread(queries.get_conversations_since, since)
        except Exception:  # the next entry of each conversation makes the process read its log
            log.warning("chat_not_caught_up", exc_info=True)
            return
        for conversation, number in conversations:
            self._turns.announce(conversation, number, since)


_here: Hub | None = None


def here() -> Hub:
    """Return the running loop's hub. The first call creates it."""
    global _here
    if _here is None or _here.loop is not asyncio.get_running_loop():
        _here = Hub()
    return _here


async def _read_log(conversation: int, number: int, since: datetime | None) -> Sequence[Broadcast]:
    return await in_thread(_get_broadcasts, conversation, number, since)


def _get_broadcasts(conversation: int, number: int, since: datetime | None) -> Sequence[Broadcast]:
    return [message_broadcast(message) for message in queries.get_entries(conversation, number, since)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="chat")


@cache
def _publisher(url: str, channel: str) -> Publisher:
    return Publisher(url, channel)


def _channel() -> str:
    """Return the channel's name. It contains the database's, because channels are shared by all of a Redis server.

    Otherwise two installations on one server would receive each other's messages.
    """
    database = settings.DATABASES["default"]["NAME"]
    return f"chat:{settings.REDIS_URL.rpartition('/')[2]}:{database}"
