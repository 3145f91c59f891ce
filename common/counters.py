"""Fixed-window counters: one atomic `incr` a hit, right under parallel guesses.

While Redis is away each process counts for itself: a limit that is per process for a minute beats both
refusing everybody and counting nothing.
"""

from __future__ import annotations

import time
from functools import cache

import structlog
from django.conf import settings
from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def hit(key: str, *, limit: int, window: int) -> int | None:
    """Count one event. None while within `limit` per `window` seconds, else the seconds to wait."""
    now = time.time()
    if _count(_key(key, window, now), window, 1) <= limit:
        return None
    return max(1, window - int(now % window))


def take_back(key: str, *, window: int) -> None:
    """Undo one hit: a right password is not a wrong guess."""
    _count(_key(key, window, time.time()), window, -1)


def _key(key: str, window: int, now: float) -> str:
    return f"count:{key}:{int(now // window)}"


def _count(key: str, window: int, step: int) -> int:
    if settings.REDIS_URL:
        try:
            return _count_in_redis(key, window, step)
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    return _count_here(key, window, step)


def _count_in_redis(key: str, window: int, step: int) -> int:
    count = int(_redis(settings.REDIS_URL).incr(key, step))
    if count == step:  # the first of its window
        _redis(settings.REDIS_URL).expire(key, window)
    return count


@cache
def _redis(url: str) -> Redis:
    # Django's cache builds a client a call, which costs ten times the round trip.
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _count_here(key: str, window: int, step: int) -> int:
    local = caches["local"]
    local.add(key, 0, window)
    try:
        return local.incr(key, step)
    except ValueError:  # expired between the two
        local.add(key, 0, window)
        return local.incr(key, step)
