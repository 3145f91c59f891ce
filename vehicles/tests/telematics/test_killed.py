"""A batch is stored completely or not at all, also if the process that stores it is killed."""

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


def start_writer(vehicle, first):
    """Start the writer process on the database of this test."""
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
def test_killed_writer_leaves_complete_batches_and_their_odometer():
    vehicle = factories.VehicleFactory()
    last = -1
    for milliseconds in (1, 4, 9, 15):
        with start_writer(vehicle, last + 1) as process:  # a lost or unreported batch is sent again
            for _ in range(3):
                last = int(process.stdout.readline())
            time.sleep(milliseconds / 1000)
            process.kill()
            last = max([last, *map(int, process.stdout.read().split())])
        batches = list(TelematicsBatch.objects.order_by("start"))
        # All reported batches, and perhaps one that was stored but not yet reported.
        assert last + 1 <= len(batches) <= last + 2
        vehicle.refresh_from_db()
        assert vehicle.odometer == Decimal(
            str(steady(5_000, odometer=(len(batches) - 1) * 100.0).odometer[-1])
        )
    for number, batch in enumerate(batches):
        drive = steady(5_000, t=T + number * 10_000_000, odometer=number * 100.0)
        assert unpack(bytes(batch.data), batch.count) == drive
