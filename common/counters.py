"""Fixed-window counters: one atomic increment a hit, right under parallel guesses.

While Redis is away each process counts for itself: a limit that is per process for a minute beats both
refusing everybody and counting nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from hashlib import sha256

import structlog
from django.conf import settings
from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def hit(key: str, *, limit: int, window: int) -> int | None:
    """Count one event. None while within `limit` per `window` seconds, else the seconds to wait."""
    now = time.time()
    if _count(_key(key, window, now), window) <= limit:
        return None
    return max(1, window - int(now % window))


def take_back(key: str, *, window: int) -> None:
    """Undo one hit: a right password is not a wrong guess. In a window without hits there is nothing to undo."""
    name = _key(key, window, time.time())
    if settings.REDIS_URL:
        try:
            if _redis(settings.REDIS_URL).exists(name):
                _redis(settings.REDIS_URL).decr(name)
            return
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    with suppress(ValueError):
        caches["local"].incr(name, -1)


def _key(key: str, window: int, now: float) -> str:
    # Hashed: an email may be longer than a cache key, and is nobody's business in Redis.
    return f"count:{sha256(key.encode()).hexdigest()}:{int(now // window)}"


def _count(name: str, window: int) -> int:
    if settings.REDIS_URL:
        try:
            return _count_in_redis(name, window)
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    return _count_here(name, window)


def _count_in_redis(name: str, window: int) -> int:
    count = int(_redis(settings.REDIS_URL).incr(name))
    if count == 1:
        _redis(settings.REDIS_URL).expire(name, window)
    return count


@cache
def _redis(url: str) -> Redis:
    # Django's cache builds a client a call, which costs more than the round trip.
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _count_here(name: str, window: int) -> int:
    local = caches["local"]
    local.add(name, 0, window)
    try:
        return local.incr(name)
    except ValueError:  # expired between the two
        local.add(name, 0, window)
        return local.incr(name)
