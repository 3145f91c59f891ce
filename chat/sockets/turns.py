"""Messages of a thread in the order of their numbers, whatever the order in which a process hears of them.

Two who post at once commit one after the other and tell afterwards, in any order; Redis may have been away. So an
entry that is ahead of its turn makes the process read the log first. Lives on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from chat.sockets.broadcasts import Broadcast

log = structlog.get_logger(__name__)

# What a thread that was silent for as long says next was stored since. Longer than a transaction takes and than clocks
# differ; what is remembered is remembered for longer.
SILENCE = timedelta(minutes=2)
FORGET_SECONDS = 600
PATIENCE_SECONDS = 1.0

ReadLog = Callable[[int, int, datetime | None], Awaitable[Sequence[Broadcast]]]


@dataclass(slots=True)
class _Turn:
    """Where a thread stands: the last number handed out, and the highest one heard of."""

    last: int | None
    wanted: int
    heard_at: float
    since: datetime | None = None  # of a thread heard of for the first time: how far back to look
    task: asyncio.Task[None] | None = None


class Turns:
    """`deliver` gets each entry once, in order.

    `read_log(thread, number, since)` gives the entries after `number`, and later than `since` if that is given, oldest
    first; some of them, if there are many.
    """

    def __init__(self, read_log: ReadLog, deliver: Callable[[Broadcast], None]) -> None:
        self._read_log = read_log
        self._deliver = deliver
        self._turns: dict[int, _Turn] = {}
        self._early: list[Broadcast] | None = []  # heard before it was known where the threads stand

    def begin(self, threads: Iterable[tuple[int, int]]) -> None:
        """From here on. `threads` were not silent lately: each one's id and the last number that is nobody's news."""
        for thread, number in threads:
            self._turns[thread] = _Turn(number, number, time.monotonic())
        early, self._early = self._early or [], None
        for event in early:
            self.hear(event)

    def hear(self, event: Broadcast) -> None:
        """An entry was stored."""
        if self._early is not None:
            self._early.append(event)
            return
        turn = self._turn(event.thread, event.number, None)
        if turn.last is not None and event.number <= turn.last:
            return
        if turn.task is None and event.number == (turn.last or 0) + 1:
            turn.last = event.number
            self._deliver(event)
            return
        self._read(event.thread, turn)

    def hear_of(self, thread: int, number: int, since: datetime) -> None:
        """There are entries up to `number`; those later than `since` may not have been heard."""
        turn = self._turn(thread, number, since)
        if turn.last is None or number > turn.last:
            self._read(thread, turn)

    def forget(self) -> None:
        """Drop what has been silent for long."""
        oldest = time.monotonic() - FORGET_SECONDS
        self._turns = {
            thread: turn for thread, turn in self._turns.items() if turn.task or turn.heard_at > oldest
        }

    def stop(self) -> None:
        for turn in self._turns.values():
            if turn.task:
                turn.task.cancel()

    def _turn(self, thread: int, number: int, since: datetime | None) -> _Turn:
        turn = self._turns.get(thread)
        if turn is None:
            turn = self._turns[thread] = _Turn(None, number, 0.0, since)
        turn.wanted, turn.heard_at = max(turn.wanted, number), time.monotonic()
        return turn

    def _read(self, thread: int, turn: _Turn) -> None:
        if turn.task is None:
            turn.task = asyncio.get_running_loop().create_task(self._catch_up(thread, turn))

    async def _catch_up(self, thread: int, turn: _Turn) -> None:
        try:
            while turn.last is None or turn.last < turn.wanted:
                await self._read_on(thread, turn)
        finally:
            turn.task = None

    async def _read_on(self, thread: int, turn: _Turn) -> None:
        wanted = turn.wanted
        since = None
        if turn.last is None:
            since = turn.since or datetime.now(UTC) - SILENCE
        try:
            entries = await self._read_log(thread, turn.last or 0, since)
        except Exception:  # the database is away, say; who waits for the thread waits on
            log.warning("chat_log_not_read", thread=thread, exc_info=True)
            await asyncio.sleep(PATIENCE_SECONDS)
            return
        for event in entries:
            turn.last = event.number
            self._deliver(event)
        if not entries:  # everything heard of is older than what anybody here waits for
            turn.last = max(turn.last or 0, wanted)
