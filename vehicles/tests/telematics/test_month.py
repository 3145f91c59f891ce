"""A month of trips with the odd samples of real dongles: distance and odometer as computed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from testing import factories
from vehicles.models import OdometerReading
from vehicles.telematics.actions import record_batch
from vehicles.telematics.queries import get_summary
from vehicles.tests.telematics.drives import steady

pytestmark = pytest.mark.django_db
JANUARY = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 32)]
STEP = 10_000  # milliseconds
RESTART = datetime(2024, 1, 29, tzinfo=UTC)  # the dongle was unplugged and counts from 5 miles again


def zero(odometer):
    return [*odometer[:40], 0.0, *odometer[41:]]


def impossible(odometer):
    return [*odometer[:40], 900_000.0, *odometer[41:]]


def stuck(odometer):
    return [*odometer[:40], *[odometer[40]] * 10, *odometer[50:]]


def lower(odometer):
    return [*odometer[:40], 12.5, *odometer[41:]]


def missing(odometer):
    return [None] * len(odometer)


ODD = {3: zero, 10: impossible, 17: stuck, 24: lower, 25: missing}


def trips():
    """Yield (start, minutes, mph): to work and back on 23 workdays, 12.5 miles each, and 45 miles on 4 Saturdays."""
    for day in JANUARY:
        if day.weekday() < 5:
            yield day + timedelta(hours=8), 25, 30.0
            yield day + timedelta(hours=17), 25, 30.0
        elif day.weekday() == 5:
            yield day + timedelta(hours=10), 60, 45.0


def test_month_of_trips(alice):
    vehicle = factories.VehicleFactory(customer=alice, odometer=Decimal(20_000))
    odometer, has_restarted = 20_000.0, False
    for start, minutes, mph in trips():
        if start >= RESTART and not has_restarted:
            odometer, has_restarted = 5.0, True
        drive = steady(
            minutes * 6 + 1, t=int(start.timestamp() * 1000), step=STEP, speed=mph, odometer=odometer
        )
        odometer += mph * minutes / 60
        change = ODD.get(start.day)
        if change is not None:
            drive = drive._replace(odometer=change(drive.odometer))
        now = start + timedelta(hours=2)
        record_batch(vehicle_id=vehicle.pk, start=drive.t[0], end=drive.t[-1], samples=drive, now=now)
    # 23 workdays of 25 miles, 4 Saturdays of 45. The trips of the 25th are known by the next reading.
    summary = get_summary(vehicle_id=vehicle.pk)
    assert summary.distance == pytest.approx(23 * 25 + 4 * 45, abs=0.01)
    # Until the restart: 20 workdays and 4 Saturdays. Lower readings do not move the odometer.
    vehicle.refresh_from_db()
    assert vehicle.odometer == Decimal(20_000 + 20 * 25 + 4 * 45)
    assert vehicle.odometer_at == datetime(2024, 1, 27, 11, tzinfo=UTC)
    miles = list(OdometerReading.objects.order_by("at").values_list("miles", flat=True))
    assert (len(miles), miles) == (2 * 20 + 4 - 2, sorted(miles))
