"""Messages of a conversation in the order of their numbers, whatever the order in which a process hears of them.

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

# What a conversation that was silent for as long says next was stored since. Longer than a transaction takes and than clocks
# differ; what is remembered is remembered for longer.
SILENCE = timedelta(minutes=2)
FORGET_SECONDS = 600
PATIENCE_SECONDS = 1.0

ReadLog = Callable[[int, int, datetime | None], Awaitable[Sequence[Broadcast]]]


@dataclass(slots=True)
class _Turn:
    """Where a conversation stands: the last number handed out, and the highest one heard of."""

    last: int | None
    wanted: int
    heard_at: float
    since: datetime | None = None  # of a conversation heard of for the first time: how far back to look
    task: asyncio.Task[None] | None = None


class Turns:
    """`deliver` gets each entry once, in order.

    `read_log(conversation, number, since)` gives the entries after `number`, and later than `since` if that is given, oldest
    first; some of them, if there are many.
    """

    def __init__(self, read_log: ReadLog, deliver: Callable[[Broadcast], None]) -> None:
        self._read_log = read_log
        self._deliver = deliver
        self._turns: dict[int, _Turn] = {}
        self._early: list[Broadcast] | None = []  # heard before it was known where the conversations stand

    def begin(self, conversations: Iterable[tuple[int, int]]) -> None:
        """From here on. `conversations` were not silent lately: each one's id and the last number that is nobody's news."""
        for conversation, number in conversations:
            self._turns[conversation] = _Turn(number, number, time.monotonic())
        early, self._early = self._early or [], None
        for event in early:
            self.hear(event)

    def hear(self, event: Broadcast) -> None:
        """An entry was stored."""
        if self._early is not None:
            self._early.append(event)
            return
        turn = self._turn(event.conversation, event.number, None)
        if turn.last is not None and event.number <= turn.last:
            return
        if turn.task is None and event.number == (turn.last or 0) + 1:
            turn.last = event.number
            self._deliver(event)
            return
        self._read(event.conversation, turn)

    def hear_of(self, conversation: int, number: int, since: datetime) -> None:
        """There are entries up to `number`; those later than `since` may not have been heard."""
        turn = self._turn(conversation, number, since)
        if turn.last is None or number > turn.last:
            self._read(conversation, turn)

    def forget(self) -> None:
        """Drop what has been silent for long."""
        oldest = time.monotonic() - FORGET_SECONDS
        self._turns = {
            conversation: turn
            for conversation, turn in self._turns.items()
            if turn.task or turn.heard_at > oldest
        }

    def stop(self) -> None:
        for turn in self._turns.values():
            if turn.task:
                turn.task.cancel()

    def _turn(self, conversation: int, number: int, since: datetime | None) -> _Turn:
        turn = self._turns.get(conversation)
        if turn is None:
            turn = self._turns[conversation] = _Turn(None, number, 0.0, since)
        turn.wanted, turn.heard_at = max(turn.wanted, number), time.monotonic()
        return turn

    def _read(self, conversation: int, turn: _Turn) -> None:
        if turn.task is None:
            turn.task = asyncio.get_running_loop().create_task(self._catch_up(conversation, turn))

    async def _catch_up(self, conversation: int, turn: _Turn) -> None:
        try:
            while turn.last is None or turn.last < turn.wanted:
                await self._read_on(conversation, turn)
        finally:
            turn.task = None

    async def _read_on(self, conversation: int, turn: _Turn) -> None:
        wanted = turn.wanted
        since = None
        if turn.last is None:
            since = turn.since or datetime.now(UTC) - SILENCE
        try:
            entries = await self._read_log(conversation, turn.last or 0, since)
        except Exception:  # the database is away, say; who waits for the conversation waits on
            log.warning("chat_log_not_read", conversation=conversation, exc_info=True)
            await asyncio.sleep(PATIENCE_SECONDS)
            return
        for event in entries:
            turn.last = event.number
            self._deliver(event)
        if not entries:  # everything heard of is older than what anybody here waits for
            turn.last = max(turn.last or 0, wanted)
