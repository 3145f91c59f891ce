"""A batch is stored whole or not at all, also when the process that stores it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection

from testing import factories
from vehicles.models import TelematicsBatch
from vehicles.telematics.packing import unpack
from vehicles.tests.telematics.drives import T, steady


def writer(vehicle, first):
    """The process, on this test's database."""
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-m", "vehicles.tests.telematics.writer", str(vehicle.pk), str(first)],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "true",
            "DB_NAME": name,
            "SQLITE_PATH": name,
        },
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_leaves_whole_batches_and_the_odometer_they_say():
    vehicle = factories.VehicleFactory()
    said = -1
    for milliseconds in (1, 4, 9, 15):
        with writer(vehicle, said + 1) as process:  # the one that was lost or not heard of comes again
            for _ in range(3):
                said = int(process.stdout.readline())
            time.sleep(milliseconds / 1000)
            process.kill()
            said = max([said, *map(int, process.stdout.read().split())])
        batches = list(TelematicsBatch.objects.order_by("start"))
        assert (
            said + 1 <= len(batches) <= said + 2
        )  # all that it said, and perhaps the one it was about to say
        vehicle.refresh_from_db()
        assert vehicle.odometer == Decimal(
            str(steady(5_000, odometer=(len(batches) - 1) * 100.0).odometer[-1])
        )
    for number, batch in enumerate(batches):
        drive = steady(5_000, t=T + number * 10_000_000, odometer=number * 100.0)
        assert unpack(bytes(batch.data), batch.count) == drive
