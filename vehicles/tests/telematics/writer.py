"""Record batches and print their numbers until killed: `writer <vehicle id> <first number>`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import django

django.setup()

from vehicles.telematics.actions import record_batch  # noqa: E402  # models can be imported after setup()
from vehicles.tests.telematics.drives import T, steady  # noqa: E402

vehicle_id, number = map(int, sys.argv[1:])
while True:
    t = T + number * 10_000_000
    drive = steady(5_000, t=t, odometer=number * 100.0)
    record_batch(
        vehicle_id=vehicle_id, start=t, end=t + 9_999_999, samples=drive, now=datetime(2100, 1, 1, tzinfo=UTC)
    )
    print(number, flush=True)  # noqa: T201  # the test reads the number
    number += 1
