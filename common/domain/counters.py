"""Fixed-window counters: one atomic increment a hit, right under parallel guesses.

While Redis is away each process counts for itself: a limit that is per process for a minute beats both
refusing everybody and counting nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from hashlib import sha256
from threading import Lock

import structlog
from django.conf import settings
from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def hit(key: str, *, limit: int, window: int, stride: int = 1) -> int | None:
    """Count one event. None while within `limit` per `window` seconds, else the seconds to wait.

    With a `stride`, a process claims so many hits at a time and spends them without asking again: a round trip to
    Redis for every request was an eighth of it. What a process claimed and did not spend is lost to the others, so
    the limit may come early by up to one stride a process, never late.
    """
    now = time.time()
    claim = (key, int(now // window))
    if stride > 1 and _spend(claim):
        return None
    count = _count(_key(key, window, now), window, stride)
    granted = min(stride, limit - (count - stride))  # the last claim of a window may be a part of one
    if granted > 0:
        if stride > 1:
            _claims[claim] = granted - 1
        return None
    return max(1, window - int(now % window))


# What this process has claimed and not spent: key and number of the window -> hits.
_claims: dict[tuple[str, int], int] = {}
_MAX_CLAIMS = 10_000
_claiming = Lock()


def _spend(claim: tuple[str, int]) -> bool:
    with _claiming:
        left = _claims.get(claim, 0)
        if left > 0:
            _claims[claim] = left - 1
            return True
        if len(_claims) > _MAX_CLAIMS:  # windows long gone
            _claims.clear()
        return False


def undo_hit(key: str, *, window: int) -> None:
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


def reset(key: str, *, window: int) -> None:
    """Begin the present window anew."""
    name = _key(key, window, time.time())
    if settings.REDIS_URL:
        try:
            _redis(settings.REDIS_URL).delete(name)
            return
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    caches["local"].delete(name)


def _key(key: str, window: int, now: float) -> str:
    # Hashed: an email may be longer than a cache key, and is nobody's business in Redis.
    return f"count:{sha256(key.encode()).hexdigest()}:{int(now // window)}"


def _count(name: str, window: int, step: int) -> int:
    if settings.REDIS_URL:
        try:
            return _count_in_redis(name, window, step)
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    return _count_here(name, window, step)


def _count_in_redis(name: str, window: int, step: int) -> int:
    count = int(_redis(settings.REDIS_URL).incr(name, step))
    if count == step:
        _redis(settings.REDIS_URL).expire(name, window)
    return count


@cache
def _redis(url: str) -> Redis:
    # Django's cache builds a client a call, which costs more than the round trip.
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _count_here(name: str, window: int, step: int) -> int:
    local = caches["local"]
    local.add(name, 0, window)
    try:
        return local.incr(name, step)
    except ValueError:  # expired between the two
        local.add(name, 0, window)
        return local.incr(name, step)
