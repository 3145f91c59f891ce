"""Store the messages that sockets send, many per transaction (docs/decisions/0021).

Messages that arrive while a transaction runs go into the next one, so that they share a hop to a thread, four
statements and a commit. Each sender is answered when their own message is committed. Messages of one conversation are
stored in the order in which they arrived, also those that are stored by themselves. It lives on the event loop.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Coroutine, Sequence
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.utils import timezone

from chat import actions
from chat.actions import Posted
from chat.log import Draft
from chat.sockets.hub import in_thread
from common.domain import counters, errors
from common.domain.caller import Caller

log = structlog.get_logger(__name__)

_MAX_BATCH = 50
_STRIDE = 20

_Waiting = tuple[Draft, "Future[Posted]"]


def post(draft: Draft) -> Future[Posted]:
    """Store a message. The future is done when it is committed.

    It raises TooMany and the errors of `actions.post_message`.
    """
    loop = asyncio.get_running_loop()
    intake = _intakes.get(loop)
    if intake is None:
        intake = _intakes[loop] = _Intake(loop)
    return intake.post(draft)


def admit(caller: Caller) -> None:
    """Count one message of the user, over all their sockets and processes. Uses Redis. Raises TooMany."""
    wait = counters.hit(f"user:{caller.user_id}", limit=settings.RATE_USER, window=60, stride=_STRIDE)
    if wait is not None:
        raise errors.TooMany(retry_after=wait)


class _Intake:
    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[_Waiting] = []
        # Conversations whose messages are stored one by one at present, with the messages that wait for that.
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

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _store_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(
                    0
                )  # senders that were just answered may have another message for this batch
                if batch := self._next_batch():
                    await self._store(batch)
        finally:
            self._is_storing = False

    def _next_batch(self) -> list[_Waiting]:
        """Return the messages of the next transaction.

        Those of conversations that are stored one by one are queued there, so that they overtake none.
        """
        taken, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
        batch: list[_Waiting] = []
        for waiting in taken:
            queue = self._one_by_one.get(waiting[0].conversation)
            (batch if queue is None else queue).append(waiting)
        return batch

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = await in_thread(_post, [draft for draft, _ in batch])
        except Exception as error:  # noqa: BLE001  # raised to each sender
            outcomes = [error] * len(batch)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                self._store_alone(waiting)
            else:
                _settle(waiting[1], outcome)

    def _store_alone(self, waiting: _Waiting) -> None:
        """Store the message in a transaction of its own, which may wait for its conversation's lock and may fail."""
        conversation = waiting[0].conversation
        if conversation in self._one_by_one:
            self._one_by_one[conversation].append(waiting)
        else:
            self._one_by_one[conversation] = [waiting]
            self._start(self._store_one_by_one(conversation))

    async def _store_one_by_one(self, conversation: UUID) -> None:
        try:
            while queue := self._one_by_one[conversation]:
                draft, done = queue.pop(0)
                try:
                    outcome: Posted | Exception = await in_thread(_post_alone, draft)
                except Exception as error:  # noqa: BLE001  # raised to the sender
                    outcome = error
                _settle(done, outcome)
        finally:
            del self._one_by_one[conversation]


_intakes: WeakKeyDictionary[AbstractEventLoop, _Intake] = WeakKeyDictionary()


def _settle(done: Future[Posted], outcome: Posted | Exception) -> None:
    if done.done():  # cancelled, because its socket was closed
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _post(drafts: Sequence[Draft]) -> list[Posted | Exception | None]:
    """Store a batch, on a thread. The outcome is None for a message that has to be stored by itself."""
    refusals = [_refusal(draft.by) for draft in drafts]
    admitted = [draft for draft, refusal in zip(drafts, refusals, strict=True) if refusal is None]
    try:
        posted = iter(actions.post_messages(admitted, now=timezone.now()))
    except (
        Exception
    ):  # one refused message fails the whole transaction: stored one by one, only that one fails
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
