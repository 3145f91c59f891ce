"""Between processes: one Redis channel that every process with sockets listens to.

At most once, and that is enough: the log is the truth, and a listener that was cut off is told so.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from uuid import uuid4

import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from chat.sockets.broadcasts import Broadcast, decode_broadcasts, encode_broadcasts
from common.domain.types import Json

log = structlog.get_logger(__name__)

# Frames of this process are heard here without Redis; from there they would come a second time.
PROCESS = uuid4().hex.encode()
_LONGEST_QUEUE = 10_000
_AT_ONCE = 100
_PAUSE_SECONDS = 0.5
_PING_SECONDS = 5
_LAST_SECONDS = 1


class Publisher:
    """Hands events to Redis from a thread of its own: nobody waits for Redis, and nobody fails with it."""

    def __init__(self, url: str, channel: str) -> None:
        self._url, self._channel = url, channel
        self._queue: Queue[Broadcast] = Queue(_LONGEST_QUEUE)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def publish(self, events: Iterable[Broadcast]) -> None:
        """Any thread; returns at once. What does not fit while Redis is away is dropped: the log has it."""
        with suppress(Full):
            for event in events:
                self._queue.put_nowait(event)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chat-publisher", daemon=True)
                self._thread.start()
                atexit.register(self._finish)

    def _run(self) -> None:
        redis = Redis.from_url(
            self._url, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 1)
        )
        is_away = False
        while True:
            events = self._next()
            try:
                redis.publish(self._channel, PROCESS + encode_broadcasts(events))
                is_away = False
            except (RedisError, OSError):
                if not is_away:
                    log.warning("chat_publishes_to_this_process_alone")
                is_away = True
            for _ in events:
                self._queue.task_done()

    def _finish(self) -> None:
        """A command that ends gets rid of what it has to say, unless Redis is away."""
        deadline = time.monotonic() + _LAST_SECONDS
        while self._queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)

    def _next(self) -> list[Broadcast]:
        """At least one event, and with it what has gathered meanwhile."""
        events = [self._queue.get()]
        with suppress(Empty):
            while len(events) < _AT_ONCE:
                events.append(self._queue.get_nowait())
        return events


class Subscriber:
    """Listens on the event loop, and comes back by itself after a cut."""

    def __init__(
        self,
        url: str,
        channel: str,
        hear: Callable[..., None],  # any number of events
        was_cut: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self._url, self._channel = url, channel
        self._hear = hear
        self._was_cut = was_cut  # with the last instant at which nothing was missing
        self._sound_at = datetime.now(UTC)
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        is_first = True
        while True:
            try:
                await self._listen(is_first)
            except (RedisError, OSError):
                if self.listening.is_set() or is_first:
                    log.warning("chat_hears_this_process_alone")
            is_first = False
            self.listening.clear()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, is_first: bool) -> None:
        redis = AsyncRedis.from_url(self._url, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
        async with redis, redis.pubsub() as channel:
            await channel.subscribe(self._channel)
            unanswered = 0
            while True:
                message = await channel.get_message(timeout=_PING_SECONDS)
                if message is None:
                    if unanswered:
                        raise RedisError("no answer to a ping")
                    await channel.ping()
                    unanswered += 1
                    continue
                unanswered = 0
                await self._take(message, is_first)
                is_first = False

    async def _take(self, message: Json, is_first: bool) -> None:
        if message["type"] == "subscribe":  # also when the client library came back by itself
            if not is_first:
                await self._was_cut(self._sound_at)
            self.listening.set()
        elif message["type"] == "message" and not message["data"].startswith(PROCESS):
            try:
                events = decode_broadcasts(message["data"][len(PROCESS) :])
            except (ValueError, TypeError):  # another release's, while both run
                log.warning("chat_event_not_understood")
                events = []
            self._hear(*events)
        self._sound_at = datetime.now(UTC)
