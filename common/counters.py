"""Fixed-window counters over Django's cache: one atomic `incr` a hit, right under parallel guesses.

While Redis is away each process counts for itself: a limit that is per process for a minute beats both
refusing everybody and counting nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import structlog
from django.core.cache import BaseCache, caches
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def hit(key: str, *, limit: int, window: int) -> int | None:
    """Count one event. None while within `limit` per `window` seconds, else the seconds to wait."""
    now = time.time()
    if _anywhere(lambda cache: _add(cache, _key(key, window, now), window)) <= limit:
        return None
    return max(1, window - int(now % window))


def take_back(key: str, *, window: int) -> None:
    """Undo one hit: a right password is not a wrong guess. In a window without hits there is nothing to undo."""
    with suppress(ValueError):
        _anywhere(lambda cache: cache.incr(_key(key, window, time.time()), -1))


def _key(key: str, window: int, now: float) -> str:
    # Hashed: an email may be longer than a cache key, and is nobody's business in Redis.
    return f"count:{sha256(key.encode()).hexdigest()}:{int(now // window)}"


def _anywhere(step: Callable[[BaseCache], int]) -> int:
    try:
        return step(caches["default"])
    except RedisError:
        log.warning("counter_falls_back_to_this_process")
        return step(caches["local"])


def _add(cache: BaseCache, key: str, window: int) -> int:
    cache.add(key, 0, window)
    try:
        return cache.incr(key)
    except ValueError:  # expired between the two
        cache.add(key, 0, window)
        return cache.incr(key)
