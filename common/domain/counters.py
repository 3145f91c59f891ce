"""Fixed-window counters: one atomic increment per hit, exact under parallel requests.

While Redis is unavailable each process counts by itself. A limit per process for a minute is better than refusing
every request or counting none.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

import structlog
from django.conf import settings
from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


class Rate(NamedTuple):
    """What is left of a limit after one hit."""

    limit: int
    remaining: int
    reset: int  # seconds until the window ends
    wait: int | None  # seconds to wait, if the limit was exceeded


def hit(key: str, *, limit: int, window: int, stride: int = 1) -> int | None:
    """Count one hit. Return None while within `limit` per `window` seconds, else the seconds to wait."""
    return spend(key, limit=limit, window=window, stride=stride).wait


def spend(key: str, *, limit: int, window: int, stride: int = 1) -> Rate:
    """Count one hit and return what is left.

    With a `stride`, a process claims that many hits at a time and spends them without a round trip, because a round
    trip to Redis was an eighth of a request (docs/decisions/0008). Claimed hits that are not spent are lost to the
    other processes. So the limit may come early by up to one stride per process, and never late. What remains is as
    this process knew it at its last claim, less what it has spent since.
    """
    now = time.time()
    reset = max(1, window - int(now % window))
    claim = (key, int(now // window))
    if stride > 1 and (left := _spend(claim)) is not None:
        return Rate(limit, left, reset, None)
    count = _count(_key(key, window, now), window, stride)
    granted = min(stride, limit - (count - stride))  # the last claim of a window may be smaller than a stride
    if granted <= 0:
        return Rate(limit, 0, reset, reset)
    unclaimed = max(0, limit - count)
    if stride > 1:
        _claims[claim] = (granted - 1, unclaimed)
    return Rate(limit, granted - 1 + unclaimed, reset, None)


# What this process has claimed: key and number of the window -> hits that it has not spent, and those that were left
# for all processes after its claim.
_claims: dict[tuple[str, int], tuple[int, int]] = {}
_MAX_CLAIMS = 10_000
_claiming = Lock()


def _spend(claim: tuple[str, int]) -> int | None:
    """Spend a claimed hit. Return how many are left, or None if there was none."""
    with _claiming:
        claimed, unclaimed = _claims.get(claim, (0, 0))
        if claimed > 0:
            _claims[claim] = (claimed - 1, unclaimed)
            return claimed - 1 + unclaimed
        if len(_claims) > _MAX_CLAIMS:  # most of them are of windows that have ended
            _claims.clear()
        return None


def undo_hit(key: str, *, window: int) -> None:
    """Undo one hit, such as that of a sign-in that succeeded. Do nothing in a window without hits."""
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
    """Set the counter of the present window to zero."""
    name = _key(key, window, time.time())
    if settings.REDIS_URL:
        try:
            _redis(settings.REDIS_URL).delete(name)
            return
        except RedisError:
            log.warning("counter_falls_back_to_this_process")
    caches["local"].delete(name)


def _key(key: str, window: int, now: float) -> str:
    # Hashed, because an email may be longer than a cache key and must not be readable in Redis.
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
    # Django's cache builds a client per call, which costs more than the round trip.
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)


def _count_here(name: str, window: int, step: int) -> int:
    local = caches["local"]
    local.add(name, 0, window)
    try:
        return local.incr(name, step)
    except ValueError:  # it expired between the two calls
        local.add(name, 0, window)
        return local.incr(name, step)
