"""Where a process's sockets meet everybody who has news for them: requests, the admin, commands, other processes.

A process without sockets - a web worker in production, a command - only hands its events on.
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

from chat import queries
from chat.events import Event
from chat.sockets.broadcasts import Broadcast, message_broadcast, news_broadcast
from chat.sockets.bus import Publisher, Subscriber
from chat.sockets.registry import Registry
from chat.sockets.turns import SILENCE, Turns
from common.domain.push import News
from customers.callers import load_callers

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

SESSION_ENDED = 4401
_THREADS = 4
_MARGIN = timedelta(seconds=30)  # between a cut and its notice, and between clocks
_AGAIN_SECONDS = 3
_REDIS_SECONDS = 2


def publish(*events: Broadcast) -> None:
    """Let everybody hear them who listens, here and in other processes. Any thread; never waits, never fails."""
    here = _here
    if here is not None and here.thread == get_ident():
        here.hear(*events)
    elif here is not None:
        with suppress(RuntimeError):  # its loop has just closed
            here.loop.call_soon_threadsafe(here.hear, *events)
    if settings.REDIS_URL:
        _publisher(settings.REDIS_URL, _channel()).publish(events)


def broadcast_messages(events: Sequence[Event]) -> None:
    """Subscriber of `chat.events`."""
    publish(*[message_broadcast(event.message) for event in events])


def push(news: News) -> None:
    """What lower floors tell a customer (common/domain/push.py)."""
    publish(news_broadcast(news))


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what asks the database on one of a few threads, whose connections are kept as a request's are."""

    def run() -> T:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_pool(), run)


class Hub:
    """What a process with sockets runs on its event loop."""

    def __init__(self) -> None:
        self.loop, self.thread = asyncio.get_running_loop(), get_ident()
        self.registry = Registry()
        self._turns = Turns(_read_log, self.registry.deliver)
        self._beginning = asyncio.Lock()
        self._has_begun = False
        self._subscriber: Subscriber | None = None
        self._tasks = {self.loop.create_task(self._look_again())}
        if settings.REDIS_URL:
            self._subscriber = Subscriber(settings.REDIS_URL, _channel(), self.hear, self._catch_up)
            self._tasks.add(self.loop.create_task(self._subscriber.run()))

    def hear(self, *events: Broadcast) -> None:
        """Events arrived; an entry of a log waits for its turn."""
        for event in events:
            if event.number:
                self._turns.hear(event)
            else:
                self.registry.deliver(event)

    async def begin(self) -> None:
        """Before the first socket is accepted: hear other processes, unless Redis is away, then look where the threads
        stand. What is stored later than that is news."""
        async with self._beginning:
            if self._has_begun:
                return
            if self._subscriber:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._subscriber.listening.wait(), _REDIS_SECONDS)
            self._turns.begin(await in_thread(queries.conversations_with_news, datetime.now(UTC) - SILENCE))
            self._has_begun = True

    async def check_sessions(self) -> None:
        """Close what may not listen any more; one query for all sockets."""
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

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(settings.SOCKET_CHECK_SECONDS)
            self._turns.forget()
            try:
                await self.check_sessions()
            except Exception:  # the database is away, say; the next round looks again
                log.warning("chat_sessions_not_checked", exc_info=True)

    async def _catch_up(self, sound_at: datetime) -> None:
        """Redis was away: what was stored meanwhile is read from the logs, and once more for what was being stored
        while others came back."""
        if not self._has_begun:
            return
        await self._hear_since(sound_at - _MARGIN)
        later = self.loop.create_task(self._hear_later(sound_at - _MARGIN))
        self._tasks.add(later)
        later.add_done_callback(self._tasks.discard)

    async def _hear_later(self, since: datetime) -> None:
        await asyncio.sleep(_AGAIN_SECONDS)
        await self._hear_since(since)

    async def _hear_since(self, since: datetime) -> None:
        try:
            threads = await in_thread(queries.conversations_with_news, since)
        except Exception:  # the next entry of each thread leads to its log all the same
            log.warning("chat_not_caught_up", exc_info=True)
            return
        for thread, number in threads:
            self._turns.hear_of(thread, number, since)


_here: Hub | None = None


def here() -> Hub:
    """The running loop's hub, made for its first socket."""
    global _here
    if _here is None or _here.loop is not asyncio.get_running_loop():
        _here = Hub()
    return _here


async def _read_log(thread: int, number: int, since: datetime | None) -> Sequence[Broadcast]:
    return await in_thread(_entries, thread, number, since)


def _entries(thread: int, number: int, since: datetime | None) -> Sequence[Broadcast]:
    return [message_broadcast(message) for message in queries.entries(thread, number, since)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="chat")


@cache
def _publisher(url: str, channel: str) -> Publisher:
    return Publisher(url, channel)


def _channel() -> str:
    """A channel is the server's, whatever database a URL names: two copies of the product must not hear each other."""
    database = settings.DATABASES["default"]["NAME"]
    return f"chat:{settings.REDIS_URL.rpartition('/')[2]}:{database}"
