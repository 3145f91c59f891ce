from __future__ import annotations

import pytest
from django.core.cache import caches

from common.domain import counters
from testing.storms import parallel


@pytest.fixture
def clock(monkeypatch):
    """A clock that stops at the start of a window of 60 seconds and is moved by the test."""

    class Clock:
        now = 60.0 * 1_000_000

    monkeypatch.setattr("common.domain.counters.time.time", lambda: Clock.now)
    return Clock


def hits(times, key="k", limit=3, window=60):
    return [counters.hit(key, limit=limit, window=window) for _ in range(times)]


@pytest.mark.usefixtures("clock")
def test_hit_allows_the_limit_and_returns_the_seconds_to_wait():
    assert hits(5) == [None, None, None, 60, 60]


def test_seconds_to_wait_end_with_the_window(clock):
    hits(3)
    clock.now += 12.5
    assert hits(1) == [48]
    clock.now += 47.4
    assert hits(1) == [1]
    clock.now += 0.1
    assert hits(4) == [None, None, None, 60]


@pytest.mark.usefixtures("clock")
def test_keys_are_counted_separately():
    hits(4, key="a")
    assert hits(1, key="b") == [None]
    assert hits(1, key="a") == [60]


@pytest.mark.usefixtures("clock")
def test_undo_hit_undoes_one_hit():
    hits(3)
    counters.undo_hit("k", window=60)
    assert hits(2) == [None, 60]


def test_undo_hit_after_the_window_does_nothing(clock):
    hits(1)
    clock.now += 60
    counters.undo_hit("k", window=60)
    assert hits(4) == [None, None, None, 60]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("key", ["with space", "ü", "x" * 1000, "a\nb\x00"])
def test_any_text_is_a_key(key):
    assert hits(4, key=key) == [None, None, None, 60]


@pytest.mark.usefixtures("clock")
def test_process_counts_by_itself_without_redis(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # no server listens there
    assert hits(4) == [None, None, None, 60]
    counters.undo_hit("k", window=60)
    counters.undo_hit("k", window=60)
    assert hits(2) == [None, 60]


def test_key_that_expires_between_add_and_incr_is_counted(monkeypatch):
    local, real, seen = caches["local"], caches["local"].incr, []

    def incr_once_too_late(key, step):
        if not seen:
            seen.append(key)
            local.delete(key)
        return real(key, step)

    monkeypatch.setattr(local, "incr", incr_once_too_late)
    assert counters._count_here("count:k:1", 60, 1) == 1
    assert local.get("count:k:1") == 1


@pytest.mark.usefixtures("clock")
def test_stride_gives_exactly_the_limit_with_few_round_trips(monkeypatch):
    asked, real = [], counters._count
    monkeypatch.setattr(counters, "_count", lambda *args: asked.append(args) or real(*args))
    outcomes = [counters.hit("k", limit=50, window=60, stride=20) for _ in range(52)]
    assert outcomes == [None] * 50 + [60, 60]
    assert len(asked) == 3 + 2


@pytest.mark.usefixtures("clock")
def test_hits_claimed_by_another_process_are_lost(monkeypatch):
    assert counters.hit("k", limit=30, window=60, stride=20) is None
    monkeypatch.setattr(counters, "_claims", {})  # another process
    assert [counters.hit("k", limit=30, window=60, stride=20) for _ in range(11)] == [None] * 10 + [60]


def test_claims_end_with_their_window(clock):
    assert counters.hit("k", limit=20, window=60, stride=20) is None
    clock.now += 60
    assert [counters.hit("k", limit=5, window=60, stride=20) for _ in range(6)] == [None] * 5 + [60]


@pytest.mark.storm
def test_parallel_hits_are_all_counted():
    outcomes = parallel(40, lambda _: counters.hit("storm", limit=15, window=86_400))
    assert outcomes.count(None) == 15


def test_rate_tells_what_is_left_and_when_it_ends(clock):
    clock.now += 12.5
    rates = [counters.spend("k", limit=3, window=60) for _ in range(4)]
    assert rates == [
        counters.Rate(limit=3, remaining=2, reset=48, wait=None),
        counters.Rate(limit=3, remaining=1, reset=48, wait=None),
        counters.Rate(limit=3, remaining=0, reset=48, wait=None),
        counters.Rate(limit=3, remaining=0, reset=48, wait=48),
    ]


@pytest.mark.usefixtures("clock")
def test_rate_of_a_stride_counts_every_hit_of_the_process():
    rates = [counters.spend("k", limit=50, window=60, stride=20) for _ in range(52)]
    assert [rate.remaining for rate in rates] == [*range(49, -1, -1), 0, 0]


@pytest.mark.usefixtures("clock")
def test_rate_is_without_what_another_process_has_claimed(monkeypatch):
    counters.spend("k", limit=50, window=60, stride=20)
    monkeypatch.setattr(counters, "_claims", {})  # another process
    assert counters.spend("k", limit=50, window=60, stride=20).remaining == 29
