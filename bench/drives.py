"""The samples of the telematics measurement: drives with a sample a second, sent in batches of a thousand."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import orjson

from vehicles.telematics.samples import Samples

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "20000000"))
A_BATCH = 1000
VEHICLES = 50
DRIVES = 8  # distinct drives. They may repeat, because compression works within a batch.
T = 1704067200000  # 2024-01-01T00:00:00Z
DAY = (T, T + 86_400_000 - 1)
_SENT = SAMPLES // VEHICLES // A_BATCH * A_BATCH  # by each vehicle


def drive(seed: int, count: int = _SENT) -> Samples:
    """Return a drive of `count` samples: jitter around the second, speed with one decimal place, the rest with two."""
    dice = random.Random(seed)
    t, speed, target, odometer = T, 0.0, 30.0, 15_000.0 + 1000 * seed
    columns: tuple[list[Any], ...] = ([], [], [], [])
    for _ in range(count):
        if dice.random() < 0.02:
            target = dice.choice([0, 0, 25, 35, 45, 65])
        speed = max(
            0.0, speed + max(-5, min(3, (target - speed) * 0.2)) + (dice.gauss(0, 0.4) if speed else 0)
        )
        odometer += speed / 3600
        rate = max(0.2, 0.3 + speed * 0.02 + max(0.0, target - speed) * 0.06 + dice.gauss(0, 0.05))
        for column, value in zip(
            columns, (t, round(speed, 1), round(rate, 2), round(odometer, 2)), strict=True
        ):
            column.append(value)
        t += 1000 + dice.choice([0, 0, 0, 0, 0, 0, -3, 2, 5, 11])
    return Samples(*columns)


def batches(samples: Samples) -> Iterator[Samples]:
    for first in range(0, len(samples.t), A_BATCH):
        yield Samples(*(column[first : first + A_BATCH] for column in samples))


def body(batch: Samples) -> bytes:
    """Return the batch as the body of a request of contract 003."""
    return orjson.dumps({"startTimestamp": batch.t[0], "endTimestamp": batch.t[-1], "samples": rows(batch)})


def rows(samples: Samples) -> list[dict[str, Any]]:
    names = ("t", "speed", "fuelRate", "odometer")
    return [dict(zip(names, row, strict=True)) for row in zip(*samples, strict=True)]
