"""Send what is due, to many receivers at once (docs/design, D150).

The thread of a webhook claims a batch, lets a few threads send it, and records what came of it. Those threads keep
their connections from batch to batch, and use no database. Webhooks take turns, so that a slow receiver holds up no
other for longer than a turn.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Signal
from threading import Lock

import structlog
from django.db import DatabaseError, connections
from django.utils import timezone

from common.domain.errors import Invalid
from integrations.webhooks.addresses import target_of
from integrations.webhooks.models import Webhook
from integrations.webhooks.queue import EVENT_GONE, Message, Sent, claim, keys_of, record_due, record_outcomes
from integrations.webhooks.sending import Line, Outcome
from integrations.webhooks.signing import signed_headers

log = structlog.get_logger(__name__)

LINES = 8  # connections to one receiver
WEBHOOKS = 16  # at once
BATCH_SECONDS = 20  # after which no further message of a batch is sent, and the turn of a webhook ends
_LOOK = 0.5  # seconds between two looks for requests whose time is over
_AGENT = "Garage-Webhooks/1"


class Deliverer:
    """Send what is due until `stop`. `step` begins it and returns, `run_all` waits until nothing is due."""

    def __init__(self) -> None:
        self._stopped = Signal()
        self._pool = ThreadPoolExecutor(WEBHOOKS, thread_name_prefix="webhook")
        self._busy: dict[int, Future[None]] = {}

    def step(self) -> bool:
        """Record what is due, and begin to send it. Return whether there is more to record."""
        now = timezone.now()
        has_more = record_due(now=now)
        self._busy = {pk: future for pk, future in self._busy.items() if not future.done()}
        for pk in Webhook.objects.with_due(now).values_list("pk", flat=True):
            if pk not in self._busy and not self._stopped.is_set():
                self._busy[pk] = self._pool.submit(self._deliver, pk)
        return has_more

    def run_all(self) -> None:
        while self.step() or self._busy:
            wait(self._busy.values())

    def stop(self) -> None:
        """Send no further message, and wait for those that are being sent."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _deliver(self, pk: int) -> None:
        try:
            deliver(pk, is_stopped=self._stopped.is_set)
        except DatabaseError as error:
            log.warning("webhook_waits_for_database", webhook=pk, error=type(error).__name__)
        except Exception:
            log.exception("webhook_failed", webhook=pk)
        finally:
            connections.close_all()


def deliver(pk: int, *, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Send a webhook what is due, batch by batch until its turn is over, and return the number of requests."""
    count, until = 0, time.monotonic() + BATCH_SECONDS
    with ThreadPoolExecutor(LINES, thread_name_prefix="webhook-line") as pool:
        lines: Lines | None = None
        while not is_stopped() and (time.monotonic() < until) and (claimed := claim(pk, now=timezone.now())):
            webhook, messages = claimed
            if lines is None or lines.url != webhook.url:
                lines = Lines(webhook.url)
            sent = _send_all(pool, lines, webhook, messages, is_stopped)
            record_outcomes(webhook, messages, sent, now=timezone.now())
            count += len(sent)
        if lines is not None:
            lines.close()
    return count


class Lines:
    """The connections to one receiver. A thread takes one that is free, or a new one."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Why nothing can be sent there. The settings may have changed since the URL was saved.
        self.refusal = ""
        try:
            self._target = target_of(url)
        except Invalid as error:
            self.refusal = error.text
        self._free: list[Line] = []
        self._all: list[Line] = []
        self._lock = Lock()

    @contextmanager
    def one(self) -> Iterator[Line]:
        with self._lock:
            if self._free:
                line = self._free.pop()
            else:
                line = Line(self._target)
                self._all.append(line)
        try:
            yield line
        finally:
            with self._lock:
                self._free.append(line)

    def cut_late(self) -> None:
        with self._lock:
            lines = list(self._all)
        for line in lines:
            line.cut_if_late()

    def close(self) -> None:
        for line in self._all:
            line.close()


def _send_all(
    pool: ThreadPoolExecutor,
    lines: Lines,
    webhook: Webhook,
    messages: Sequence[Message],
    is_stopped: Callable[[], bool],
) -> list[Sent]:
    """Send the messages, those of one subject one after the other. The first that fails holds the later ones back."""
    until = time.monotonic() + BATCH_SECONDS
    subjects: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        subjects[message.delivery.subject].append(message)

    def send(some: Sequence[Message]) -> list[Sent]:
        sent: list[Sent] = []
        for message in some:
            if is_stopped() or time.monotonic() > until:
                break
            sent.append(_send(lines, webhook, message))
            if not sent[-1].outcome.is_accepted and message.body is not None:
                break
        return sent

    running = {pool.submit(send, some) for some in subjects.values()}
    done: list[Sent] = []
    while running:
        ended, running = wait(running, timeout=_LOOK)
        done += [sent for future in ended for sent in future.result()]
        lines.cut_late()
    return done


def _send(lines: Lines, webhook: Webhook, message: Message) -> Sent:
    now = datetime.now(UTC)
    if message.body is None:
        return Sent(message, now, Outcome(None, EVENT_GONE, 0))
    if lines.refusal:
        return Sent(message, now, Outcome(None, lines.refusal, 0))
    signed = signed_headers(message_id=message.id, body=message.body, keys=keys_of(webhook, now), at=now)
    headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **signed}
    with lines.one() as line:
        return Sent(message, now, line.post(message.body, headers))
