"""What sockets say, on its way into the logs: many messages a transaction.

While one transaction is on its way the messages of the next one gather, so that all who wait share a hop to a thread,
four statements and a commit. Each is answered when his own message is committed. What goes to one conversation is stored in
the order in which it came, also where a message has to be tried by itself. Lives on the event loop.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.utils import timezone

from chat import actions
from chat.actions import Draft, Posted
from chat.sockets.hub import in_thread
from common.domain import counters, errors
from common.domain.caller import Caller

log = structlog.get_logger(__name__)

_AT_ONCE = 50
_STRIDE = 20

_Waiting = tuple[Draft, "Future[Posted]"]


def post(draft: Draft) -> Future[Posted]:
    """Store a message; done once it is committed. Raises TooMany, and what `actions.post_message` raises."""
    loop = asyncio.get_running_loop()
    intake = _intakes.get(loop)
    if intake is None:
        intake = _intakes[loop] = _Intake(loop)
    return intake.post(draft)


def admit(caller: Caller) -> None:
    """Count one message of a user, wherever his sockets are. Asks Redis; raises TooMany."""
    wait = counters.hit(f"user:{caller.user_id}", limit=settings.RATE_USER, window=60, stride=_STRIDE)
    if wait is not None:
        raise errors.TooMany(retry_after=wait)


class _Intake:
    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[_Waiting] = []
        # Threads whose messages are stored one by one for now, and those that have yet to be.
        self._one_by_one: dict[UUID, list[_Waiting]] = {}
        self._tasks: set[Task[None]] = set()
        self._is_storing = False

    def post(self, draft: Draft) -> Future[Posted]:
        done: Future[Posted] = self._loop.create_future()
        self._waiting.append((draft, done))
        if not self._is_storing:
            self._is_storing = True
            self._start(self._store_all())
        return done

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # those who were just answered may have more to say
                if batch := self._next():
                    await self._store(batch)
        finally:
            self._is_storing = False

    def _next(self) -> list[_Waiting]:
        """The next transaction's; who comes behind one that is tried by itself does not overtake him."""
        taken, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        batch: list[_Waiting] = []
        for one in taken:
            behind = self._one_by_one.get(one[0].conversation)
            (batch if behind is None else behind).append(one)
        return batch

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = await in_thread(_post, [draft for draft, _ in batch])
        except Exception as error:  # noqa: BLE001  # theirs who wait
            outcomes = [error] * len(batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                self._store_alone(one)
            else:
                _settle(one[1], outcome)

    def _store_alone(self, one: _Waiting) -> None:
        """Where it may wait for its conversation, and fail, without those of other conversations."""
        conversation = one[0].conversation
        if conversation in self._one_by_one:
            self._one_by_one[conversation].append(one)
        else:
            self._one_by_one[conversation] = [one]
            self._start(self._store_one_by_one(conversation))

    async def _store_one_by_one(self, conversation: UUID) -> None:
        try:
            while waiting := self._one_by_one[conversation]:
                draft, done = waiting.pop(0)
                try:
                    outcome: Posted | Exception = await in_thread(_post_alone, draft)
                except Exception as error:  # noqa: BLE001  # his who waits
                    outcome = error
                _settle(done, outcome)
        finally:
            del self._one_by_one[conversation]


_intakes: WeakKeyDictionary[AbstractEventLoop, _Intake] = WeakKeyDictionary()


def _settle(done: Future[Posted], outcome: Posted | Exception) -> None:
    if done.done():  # he who waited has gone
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _post(drafts: Sequence[Draft]) -> list[Posted | Exception | None]:
    """On a thread: what became of each, None where it has to be tried by itself."""
    refusals = [_refusal(draft.by) for draft in drafts]
    admitted = [draft for draft, refusal in zip(drafts, refusals, strict=True) if refusal is None]
    try:
        posted = iter(actions.post_messages(admitted, now=timezone.now()))
    except Exception:  # one that the database refuses fails all: whose it is will show
        log.warning("chat_messages_posted_one_by_one", exc_info=True)
        posted = iter([None] * len(admitted))
    return [refusal or next(posted) for refusal in refusals]


def _refusal(caller: Caller) -> Exception | None:
    try:
        admit(caller)
    except errors.TooMany as refusal:
        return refusal
    return None


def _post_alone(draft: Draft) -> Posted:
    return actions.post_message(
        conversation=draft.conversation,
        by=draft.by,
        body=draft.body,
        client_id=draft.client_id,
        now=timezone.now(),
    )
