from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testing import factories
from testing.suites import count_queries
from vehicles.models import TelematicsBatch
from vehicles.telematics import queries
from vehicles.telematics.actions import record_batch
from vehicles.telematics.samples import MAX_SPAN_MS, merge_batches
from vehicles.tests.telematics.drives import T, samples, steady

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def record(vehicle, *drives):
    for drive in drives:
        record_batch(vehicle_id=vehicle.pk, start=drive.t[0], end=drive.t[-1], samples=drive, now=NOW)


def read(vehicle, since=None, until=None, points=None):
    return queries.get_samples(vehicle_id=vehicle.pk, since=since, until=until, points=points)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def test_range_merges_several_batches(civic, bob):
    first, second, third = (steady(60, t=T + n * 60_000, odometer=100.0 + n) for n in range(3))
    record(civic, second, third, first)
    record(factories.VehicleFactory(customer=bob), steady(60, speed=1.0))
    assert read(civic) == merge_batches([first, second, third])
    assert read(civic, T + 59_000, T + 60_000).t == [T + 59_000, T + 60_000]
    assert read(civic, T + 180_000).t == []


def test_first_batch_to_arrive_wins_where_batches_overlap(civic):
    record(civic, steady(10, t=T + 5_000, speed=10.0), steady(10, speed=20.0))
    assert read(civic).speed == [20.0] * 5 + [10.0] * 10
    assert queries.get_summary(vehicle_id=civic.pk, since=None, until=None).samples == 15


def test_batch_that_started_a_day_earlier_is_found(civic):
    long = steady(2, step=MAX_SPAN_MS)
    record(civic, long)
    assert read(civic, since=long.t[1]).t == [long.t[1]]
    assert read(civic, until=long.t[0]).t == [long.t[0]]
    assert read(civic, since=long.t[1] + 1).t == []
    assert read(civic, since=T + 1, until=T + 2).t == []


@settings(max_examples=settings.default.max_examples // 4)
@given(
    st.lists(samples(T, T + 100), min_size=1, max_size=4, unique_by=lambda s: (s.t[0], s.t[-1])),
    st.integers(T - 5, T + 105),
    st.integers(0, 60),
)
def test_range_equals_the_range_of_all_merged_samples(drives, since, length):
    vehicle = factories.VehicleFactory()
    record(vehicle, *drives)
    assert read(vehicle, since, since + length) == merge_batches(drives).between(since, since + length)


def test_points_downsamples(civic):
    record(civic, steady(1000))
    assert len(read(civic, points=10).t) <= 10


@pytest.mark.parametrize(("limit", "points"), [("MAX_RETURNED", None), ("MAX_READ", 5)])
def test_too_many_samples_are_rejected_before_unpacking(civic, monkeypatch, limit, points):
    record(civic, steady(60))
    monkeypatch.setattr(queries, limit, 60)
    read(civic, points=points)
    TelematicsBatch.objects.create(vehicle=civic, start=T, end=T, count=1, data=b"cannot be unpacked")
    with pytest.raises(queries.TooManySamplesInRange) as error:
        read(civic, points=points)
    assert error.value.text.startswith(
        "There are about 61 samples in this range, and the limit is 60. Narrow"
    )


def test_summary_of_too_many_samples_is_rejected(civic, monkeypatch):
    record(civic, steady(60))
    monkeypatch.setattr(queries, "MAX_READ", 59)
    with pytest.raises(queries.TooManySamplesInRange):
        queries.get_summary(vehicle_id=civic.pk, since=None, until=None)


def test_number_of_queries_is_constant(civic):
    record(civic, steady(2))
    with_one = count_queries(lambda: read(civic))
    for n in range(1, 30):
        record(civic, steady(2, t=T + n * 9_000))
    assert len(read(civic).t) == 60
    assert count_queries(lambda: read(civic)) == with_one == 2
