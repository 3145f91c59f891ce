"""Deliver the messages of a conversation in number order.

A process may receive them in any order: parallel transactions publish after their commits, and Redis may have been
away. An entry that is ahead of its turn makes the process read the log first (docs/decisions/0014). It lives on the
event loop.
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

# How far back to read the log of a conversation that this process does not track. Any entry that was received was
# stored within this time: it is longer than a transaction takes and than clocks differ. IDLE_SECONDS is longer still.
LOOK_BACK = timedelta(minutes=2)
IDLE_SECONDS = 600
RETRY_SECONDS = 1.0

ReadLog = Callable[[int, int, datetime | None], Awaitable[Sequence[Broadcast]]]


@dataclass(slots=True)
class _Turn:
    """The position of a conversation: the last number that was delivered and the highest that was announced."""

    last: int | None
    wanted: int
    active_at: float
    since: datetime | None = None  # how far back to read if `last` is None
    task: asyncio.Task[None] | None = None


class Turns:
    """Call `deliver` with each entry once, in number order.

    `read_log(conversation, number, since)` returns the next entries after `number` and, if given, later than `since`,
    oldest first. It may return only the first of them.
    """

    def __init__(self, read_log: ReadLog, deliver: Callable[[Broadcast], None]) -> None:
        self._read_log = read_log
        self._deliver = deliver
        self._turns: dict[int, _Turn] = {}
        self._early: list[Broadcast] | None = []  # received before `begin`

    def begin(self, conversations: Iterable[tuple[int, int]]) -> None:
        """Start to deliver. `conversations` are the recently active ones: id and last number before the start."""
        for conversation, number in conversations:
            self._turns[conversation] = _Turn(number, number, time.monotonic())
        early, self._early = self._early or [], None
        for entry in early:
            self.receive(entry)

    def receive(self, entry: Broadcast) -> None:
        """Deliver a stored entry if it is the next one, else read the log."""
        if self._early is not None:
            self._early.append(entry)
            return
        turn = self._turn(entry.conversation, entry.number, None)
        if turn.last is not None and entry.number <= turn.last:
            return
        if turn.task is None and entry.number == (turn.last or 0) + 1:
            turn.last = entry.number
            self._deliver(entry)
            return
        self._read(entry.conversation, turn)

    def announce(self, conversation: int, number: int, since: datetime) -> None:
        """Read the log up to `number`, because entries later than `since` may not have been received."""
        turn = self._turn(conversation, number, since)
        if turn.last is None or number > turn.last:
            self._read(conversation, turn)

    def call_after(self, entry: Broadcast, call: Callable[[], None]) -> None:
        """Call `call` when the entry, which is stored, and all before it have been delivered."""
        turn = self._turn(entry.conversation, entry.number, None)
        if turn.last is not None and entry.number <= turn.last:
            call()
            return
        self._read(entry.conversation, turn).add_done_callback(lambda _: call())

    def drop_idle(self) -> None:
        """Forget the positions of conversations that were idle for `IDLE_SECONDS`."""
        oldest = time.monotonic() - IDLE_SECONDS
        self._turns = {
            conversation: turn
            for conversation, turn in self._turns.items()
            if turn.task or turn.active_at > oldest
        }

    def stop(self) -> None:
        for turn in self._turns.values():
            if turn.task:
                turn.task.cancel()

    def _turn(self, conversation: int, number: int, since: datetime | None) -> _Turn:
        turn = self._turns.get(conversation)
        if turn is None:
            turn = self._turns[conversation] = _Turn(None, number, 0.0, since)
        turn.wanted, turn.active_at = max(turn.wanted, number), time.monotonic()
        return turn

    def _read(self, conversation: int, turn: _Turn) -> asyncio.Task[None]:
        if turn.task is None:
            turn.task = asyncio.get_running_loop().create_task(self._catch_up(conversation, turn))
        return turn.task

    async def _catch_up(self, conversation: int, turn: _Turn) -> None:
        try:
            while turn.last is None or turn.last < turn.wanted:
                await self._read_next(conversation, turn)
        finally:
            turn.task = None

    async def _read_next(self, conversation: int, turn: _Turn) -> None:
        wanted = turn.wanted
        since = None
        if turn.last is None:
            since = turn.since or datetime.now(UTC) - LOOK_BACK
        try:
            entries = await self._read_log(conversation, turn.last or 0, since)
        except Exception:  # for example the database is away: retry until it is back
            log.warning("chat_log_not_read", conversation=conversation, exc_info=True)
            await asyncio.sleep(RETRY_SECONDS)
            return
        for entry in entries:
            turn.last = entry.number
            self._deliver(entry)
        if not entries:  # all announced entries are older than `since`
            turn.last = max(turn.last or 0, wanted)
