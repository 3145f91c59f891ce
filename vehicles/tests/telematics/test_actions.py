from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from common.domain.errors import Invalid
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries
from vehicles.models import OdometerReading, TelematicsBatch, Vehicle
from vehicles.telematics import actions
from vehicles.telematics.actions import record_batch
from vehicles.telematics.packing import unpack
from vehicles.telematics.samples import MAX_SPAN_MS, Samples, from_milliseconds
from vehicles.tests.telematics.drives import T, steady

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 1, 2, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice, odometer=Decimal("100.00"))


def record(vehicle, samples, start=None, end=None, now=NOW):
    start = samples.t[0] if start is None else start
    end = samples.t[-1] if end is None else end
    return record_batch(vehicle_id=vehicle.pk, start=start, end=end, samples=samples, now=now)


def test_batch_is_stored_completely(civic):
    drive = steady(600)
    assert record(civic, drive, end=T + 600_000) is True
    batch = TelematicsBatch.objects.get()
    assert (batch.vehicle, batch.start, batch.end, batch.count) == (civic, T, T + 600_000, 600)
    assert unpack(bytes(batch.data), 600) == drive
    assert str(batch) == "600 samples from 2024-01-01 00:00:00"


def test_batch_with_the_same_key_is_stored_once(civic):
    assert record(civic, steady(10)) is True
    before = list(TelematicsBatch.objects.values())
    assert record(civic, steady(10)) is False
    assert record(civic, steady(10, odometer=5000.0)) is False
    assert list(TelematicsBatch.objects.values()) == before
    civic.refresh_from_db()
    assert civic.odometer == Decimal("100.15")  # from the first batch


def test_another_span_or_vehicle_is_another_batch(civic, bob):
    drive = steady(10)
    other = factories.VehicleFactory(customer=bob)
    assert record(civic, drive) is record(civic, drive, end=T + 60_000) is record(other, drive) is True
    assert TelematicsBatch.objects.count() == 3


def test_odometer_rises_to_the_newest_reading(civic):
    count = civic.history.count()
    record(civic, Samples([T, T + 9000, T + 9001], [1.0] * 3, [None] * 3, [100.0, 100.126, None]))
    civic.refresh_from_db()
    assert (civic.odometer, civic.odometer_at) == (Decimal("100.13"), from_milliseconds(T + 9000))
    assert civic.history.count() == count
    assert list(OdometerReading.objects.values()) == [
        {
            "id": OdometerReading.objects.get().pk,
            "vehicle_id": civic.pk,
            "miles": Decimal("100.13"),
            "source": "TELEMATICS",
            "at": from_milliseconds(T + 9000),
            "by_id": None,
            "note": "",
            "replaces_id": None,
            "base": False,
            "accepted": True,
        }
    ]


@pytest.mark.parametrize("miles", [[99.0, 99.01], [None, None], [150.0, 99.0], [0.0, 0.0], [100.0, 100.0]])
def test_odometer_cannot_go_down(civic, miles):
    assert record(civic, Samples([T, T + 1000], [None] * 2, [None] * 2, miles)) is True
    civic.refresh_from_db()
    assert (civic.odometer, OdometerReading.objects.count()) == (Decimal("100.00"), 0)


@pytest.mark.parametrize(
    ("miles", "odometer"),
    [
        ("300.00", "300.00"),  # 200 mph for an hour
        ("300.02", "100.00"),
        ("8388607.00", "100.00"),
    ],
)
def test_reading_that_needs_over_200_mph_does_not_move_the_odometer(civic, miles, odometer):
    Vehicle.objects.filter(pk=civic.pk).update(odometer_at=from_milliseconds(T))
    hour = T + 3_600_000
    assert record(civic, Samples([hour], [None], [None], [float(miles)])) is True
    civic.refresh_from_db()
    assert civic.odometer == Decimal(odometer)
    assert [row.miles for row in OdometerReading.objects.all()] == [Decimal(odometer)][: odometer == miles]


def test_reading_before_the_latest_does_not_move_the_odometer(civic):
    Vehicle.objects.filter(pk=civic.pk).update(odometer_at=from_milliseconds(T + 60_000))
    record(civic, Samples([T], [None], [None], [100.5]))
    civic.refresh_from_db()
    assert (civic.odometer, OdometerReading.objects.count()) == (Decimal("100.00"), 0)


def test_first_reading_of_a_vehicle_of_unknown_mileage_counts(alice):
    vehicle = factories.VehicleFactory(customer=alice)
    record(vehicle, Samples([T], [None], [None], [150_000.4]))
    vehicle.refresh_from_db()
    assert vehicle.odometer == Decimal("150000.40")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite the statements are several")
def test_batch_with_a_reading_is_one_statement(civic):
    assert count_queries(lambda: record(civic, steady(60))) == 1
    assert OdometerReading.objects.count() == 1


@pytest.mark.parametrize(
    ("samples", "start", "end", "error", "field"),
    [
        (Samples([], [], [], []), T, T, actions.NoSamples, "samples"),
        (steady(10_001, step=1), T, T + 20_000, actions.TooManySamples, "samples"),
        (steady(1), T, T - 1, actions.EndsBeforeStart, "end"),
        (steady(1), T, T + MAX_SPAN_MS + 1, actions.SpansTooLong, "end"),
        (steady(1), T + 1, T + 2, actions.OutsideSpan, "samples"),
        (steady(2), T, T + 999, actions.OutsideSpan, "samples"),
        (steady(1, t=NOW_MS), NOW_MS, NOW_MS + 300_001, actions.InTheFuture, "end"),
    ],
)
def test_invalid_batch_is_rejected_and_nothing_stored(civic, samples, start, end, error, field):
    with pytest.raises(error) as error_info:
        record(civic, samples, start, end)
    assert isinstance(error_info.value, Invalid)
    assert error_info.value.field == field
    assert not TelematicsBatch.objects.exists()
    civic.refresh_from_db()
    assert civic.odometer == Decimal("100.00")


def test_limits_themselves_are_allowed(civic):
    assert record(civic, steady(10_000, step=1))
    assert record(civic, steady(1), T, T + MAX_SPAN_MS)
    assert record(civic, steady(1, t=NOW_MS + 300_000))
    assert record(civic, steady(1), T, T)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"start": T + 1, "end": T}, "telematics_batch_spans_a_day_at_most"),
        ({"start": T, "end": T + MAX_SPAN_MS + 1}, "telematics_batch_spans_a_day_at_most"),
        ({"count": 0}, "telematics_batch_has_samples"),
        ({"count": 10_001}, "telematics_batch_has_samples"),
    ],
)
def test_database_constraints_hold(civic, values, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        TelematicsBatch.objects.create(
            vehicle=civic, **{"start": T, "end": T, "count": 1, "data": b""} | values
        )
    values = {"start": T, "end": T, "count": 1} | values
    key = (civic.pk, values["start"], values["end"])
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        # ON CONFLICT ignores a duplicate key only, not a violated check.
        cursor.execute(actions._INSERT, (*key, values["count"], b""))
    assert not TelematicsBatch.objects.exists()


def test_old_batch_can_arrive_late(civic):
    old = steady(2, t=T - 365 * 86_400_000, odometer=5.0)
    assert record(civic, old, now=NOW + timedelta(days=400)) is True
    civic.refresh_from_db()
    assert civic.odometer == Decimal("100.00")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_repetitions_store_one_batch_each_and_the_highest_odometer():
    vehicle = factories.VehicleFactory()
    outcomes = parallel(
        12, lambda n: record(vehicle, steady(60, t=T + n % 3 * 60_000, odometer=100.0 + n % 3))
    )
    assert sorted(outcomes) == [False] * 9 + [True] * 3
    vehicle.refresh_from_db()
    assert (TelematicsBatch.objects.count(), vehicle.odometer) == (3, Decimal("102.98"))
    latest = OdometerReading.objects.newest_first()[0]
    assert (latest.miles, latest.at) == (vehicle.odometer, vehicle.odometer_at)
