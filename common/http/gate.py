"""Keep a thread of the process free while writes wait for the database (docs/design, D59)."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from common.domain.types import Json
from common.http.fallbacks import problem_response
from common.http.problems import UNAVAILABLE

# How long a write waits for a slot while all those before it wait for the database.
PATIENCE_SECONDS = 0.5
_LOOK_SECONDS = 0.1


class _Write:
    """A write in hand. `waits_since` is the time at which its present statement began, or None between statements."""

    waits_since: float | None = None

    def __call__(
        self, execute: Callable[..., object], sql: str, params: object, many: bool, context: Json
    ) -> object:
        self.waits_since = time.monotonic()
        try:
            return execute(sql, params, many, context)
        finally:
            self.waits_since = None


class WriteGate:
    """Run at most `WEB_THREADS` - 1 writes at once, and answer 503 to others while all of these are stuck.

    A write that waits for a locked row holds its thread until `DB_LOCK_SECONDS`. Without a limit, as many of them as
    there are threads would keep every other request waiting, `/healthz` included. Reads wait for no lock.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._writes: set[_Write] = set()
        self._changed = Condition()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE_METHODS:
            return self.get_response(request)
        write = _Write()
        if not self._enter(write):
            return problem_response(request, UNAVAILABLE)
        try:
            with connection.execute_wrapper(write):
                return self.get_response(request)
        finally:
            self._leave(write)

    def _enter(self, write: _Write) -> bool:
        with self._changed:
            while len(self._writes) >= max(1, settings.WEB_THREADS - 1):
                seconds = self._seconds_until_stuck()
                if seconds <= 0:
                    return False
                self._changed.wait(min(seconds, _LOOK_SECONDS))
            self._writes.add(write)
            return True

    def _leave(self, write: _Write) -> None:
        with self._changed:
            self._writes.discard(write)
            self._changed.notify()

    def _seconds_until_stuck(self) -> float:
        """Return after how many seconds every write in hand will have waited for the database too long."""
        now = time.monotonic()
        began = [write.waits_since for write in self._writes]
        return PATIENCE_SECONDS - min(now - (since or now) for since in began)
