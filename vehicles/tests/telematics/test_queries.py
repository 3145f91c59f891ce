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
from vehicles.telematics.samples import MAX_SPAN_MS, merged
from vehicles.tests.telematics.drives import T, samples, steady

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def record(vehicle, *drives):
    for drive in drives:
        record_batch(vehicle_id=vehicle.pk, start=drive.t[0], end=drive.t[-1], samples=drive, now=NOW)


def read(vehicle, since=None, until=None, points=None):
    return queries.samples_of(vehicle_id=vehicle.pk, since=since, until=until, points=points)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def test_a_range_of_several_batches_is_one_row_of_samples(civic, bob):
    first, second, third = (steady(60, t=T + n * 60_000, odometer=100.0 + n) for n in range(3))
    record(civic, second, third, first)
    record(factories.VehicleFactory(customer=bob), steady(60, speed=1.0))
    assert read(civic) == merged([first, second, third])
    assert read(civic, T + 59_000, T + 60_000).t == [T + 59_000, T + 60_000]
    assert read(civic, T + 180_000).t == []


def test_the_first_to_arrive_wins_where_batches_overlap(civic):
    record(civic, steady(10, t=T + 5_000, speed=10.0), steady(10, speed=20.0))
    assert read(civic).speed == [20.0] * 5 + [10.0] * 10
    assert queries.summary_of(vehicle_id=civic.pk, since=None, until=None).samples == 15


def test_a_batch_that_began_a_day_earlier_is_found(civic):
    long = steady(2, step=MAX_SPAN_MS)
    record(civic, long)
    assert read(civic, since=long.t[1]).t == [long.t[1]]
    assert read(civic, until=long.t[0]).t == [long.t[0]]
    assert read(civic, since=long.t[1] + 1).t == []
    assert read(civic, since=T + 1, until=T + 2).t == []


@settings(max_examples=15)
@given(
    st.lists(samples(T, T + 100), min_size=1, max_size=4, unique_by=lambda s: (s.t[0], s.t[-1])),
    st.integers(T - 5, T + 105),
    st.integers(0, 60),
)
def test_a_range_is_a_range_of_everything(drives, since, length):
    vehicle = factories.VehicleFactory()
    record(vehicle, *drives)
    assert read(vehicle, since, since + length) == merged(drives).between(since, since + length)


def test_thinned_out(civic):
    record(civic, steady(1000))
    assert len(read(civic, points=10).t) <= 10


@pytest.mark.parametrize(("most", "points"), [("MOST_ANSWERED", None), ("MOST_LOOKED_THROUGH", 5)])
def test_too_much_is_refused_before_it_is_unpacked(civic, monkeypatch, most, points):
    record(civic, steady(60))
    monkeypatch.setattr(queries, most, 60)
    read(civic, points=points)
    TelematicsBatch.objects.create(vehicle=civic, start=T, end=T, count=1, data=b"cannot be unpacked")
    with pytest.raises(queries.TooMuch) as error:
        read(civic, points=points)
    assert error.value.text.startswith("There are about 61 samples in this range, and 60 is the most. Narrow")


def test_a_summary_of_too_much_is_refused(civic, monkeypatch):
    record(civic, steady(60))
    monkeypatch.setattr(queries, "MOST_LOOKED_THROUGH", 59)
    with pytest.raises(queries.TooMuch):
        queries.summary_of(vehicle_id=civic.pk, since=None, until=None)


def test_two_queries_however_many_batches(civic):
    record(civic, steady(2))
    with_one = count_queries(lambda: read(civic))
    for n in range(1, 30):
        record(civic, steady(2, t=T + n * 9_000))
    assert len(read(civic).t) == 60
    assert count_queries(lambda: read(civic)) == with_one == 2
