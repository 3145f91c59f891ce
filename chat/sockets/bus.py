"""Carry broadcasts between processes over one Redis channel.

Delivery is at most once. That is enough, because messages are read from the log after a lost connection
(docs/decisions/0014).
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

# A process delivers its own broadcasts without Redis and ignores them when they come back.
PROCESS = uuid4().hex.encode()
_MAX_QUEUED = 10_000
_MAX_BATCH = 100
_RECONNECT_SECONDS = 0.5
_PING_SECONDS = 5
_EXIT_SECONDS = 1


class Publisher:
    """Publish broadcasts from a thread of its own, so that no caller waits for Redis or fails with it."""

    def __init__(self, url: str, channel: str) -> None:
        self._url, self._channel = url, channel
        self._queue: Queue[Broadcast] = Queue(_MAX_QUEUED)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def publish(self, broadcasts: Iterable[Broadcast]) -> None:
        """Queue broadcasts and return at once. Any thread may call it. Drop them if the queue is full."""
        with suppress(Full):
            for broadcast in broadcasts:
                self._queue.put_nowait(broadcast)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chat-publisher", daemon=True)
                self._thread.start()
                atexit.register(self._flush)

    def _run(self) -> None:
        redis = Redis.from_url(
            self._url, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 1)
        )
        is_away = False
        while True:
            batch = self._next_batch()
            try:
                redis.publish(self._channel, PROCESS + encode_broadcasts(batch))
                is_away = False
            except (RedisError, OSError):
                if not is_away:
                    log.warning("chat_publishes_to_this_process_alone")
                is_away = True
            for _ in batch:
                self._queue.task_done()

    def _flush(self) -> None:
        """Wait at most a second for the queue before the process exits: a command may end right after it publishes."""
        deadline = time.monotonic() + _EXIT_SECONDS
        while self._queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)

    def _next_batch(self) -> list[Broadcast]:
        """Wait for a broadcast and return it with those that are queued behind it."""
        batch = [self._queue.get()]
        with suppress(Empty):
            while len(batch) < _MAX_BATCH:
                batch.append(self._queue.get_nowait())
        return batch


class Subscriber:
    """Receive broadcasts on the event loop, and reconnect after a lost connection.

    `receive` is called with the broadcasts of other processes. `catch_up` is awaited after a reconnection with the last
    instant at which nothing was missing.
    """

    def __init__(
        self,
        url: str,
        channel: str,
        receive: Callable[..., None],  # takes any number of broadcasts
        catch_up: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self._url, self._channel = url, channel
        self._receive = receive
        self._catch_up = catch_up
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
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self, is_first: bool) -> None:
        redis = AsyncRedis.from_url(self._url, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
        async with redis, redis.pubsub() as channel:
            await channel.subscribe(self._channel)
            unanswered = 0
            while True:
                message = await channel.get_message(timeout=_PING_SECONDS)
                if message is None:
                    if unanswered:
                        raise RedisError("Redis did not answer a ping.")
                    await channel.ping()
                    unanswered += 1
                    continue
                unanswered = 0
                await self._handle(message, is_first)
                is_first = False

    async def _handle(self, message: Json, is_first: bool) -> None:
        if message["type"] == "subscribe":  # also sent when the client library reconnects by itself
            if not is_first:
                await self._catch_up(self._sound_at)
            self.listening.set()
        elif message["type"] == "message" and not message["data"].startswith(PROCESS):
            try:
                broadcasts = decode_broadcasts(message["data"][len(PROCESS) :])
            except (ValueError, TypeError):  # of another release, while both run during a deployment
                log.warning("chat_event_not_understood")
                broadcasts = []
            self._receive(*broadcasts)
        self._sound_at = datetime.now(UTC)
