"""The hasher of passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

from common.domain.errors import Busy

AT_ONCE = 2
PATIENCE_SECONDS = 5
_turns = BoundedSemaphore(AT_ONCE)


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2 for at most two passwords at once in a process.

    Each takes 100 MB and a tenth of a second of a core. A spray of passwords must leave memory and threads to others.
    """

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return super().verify(password, encoded)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for a turn. Raises Busy after five seconds."""
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        raise Busy(retry_after=PATIENCE_SECONDS)
    try:
        yield
    finally:
        _turns.release()
