from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicles.telematics.downsampling import downsample
from vehicles.telematics.samples import Samples
from vehicles.tests.telematics.drives import T, samples, steady


def rows(samples):
    return list(zip(*samples, strict=True))


@given(samples(), st.integers(2, 50))
def test_result_is_an_ordered_subset_with_first_and_last(given, points):
    found = rows(downsample(given, points))
    assert len(found) <= max(points, 2)
    assert set(found) <= set(rows(given))
    assert [row[0] for row in found] == sorted({row[0] for row in found})
    assert (found[0], found[-1]) == (rows(given)[0], rows(given)[-1])
    if len(given.t) <= points:
        assert found == rows(given)


@given(st.lists(st.floats(0, 400) | st.none(), min_size=10, max_size=60), st.integers(4, 9))
def test_lowest_and_highest_speeds_are_kept(speeds, points):
    given = Samples(range(len(speeds)), speeds, [None] * len(speeds), [None] * len(speeds))
    present = [speed for speed in speeds if speed is not None]
    found = {speed for speed in downsample(given, points).speed if speed is not None}
    assert not present or {min(present), max(present)} <= found


def test_stop_and_peak_of_one_sample_are_kept():
    drive = steady(86_400)
    drive.speed[30_000], drive.speed[70_000] = 0.0, 99.9
    downsampled = downsample(drive, 100)
    assert len(downsampled.t) <= 100
    assert {0.0, 99.9} <= set(downsampled.speed)


@pytest.mark.parametrize("column", ["fuel_rate", "odometer"])
def test_fuel_rate_or_odometer_decides_without_speeds(column):
    drive = steady(1000)._replace(speed=[None] * 1000, **{column: [1.0] * 500 + [9.0] + [1.0] * 499})
    if column == "odometer":
        drive = drive._replace(fuel_rate=[None] * 1000)
    assert 9.0 in getattr(downsample(drive, 10), column)


def test_samples_without_readings_keep_first_and_last_time():
    empty = Samples([T, T + 1, T + 2, T + 3, T + 4], [None] * 5, [None] * 5, [None] * 5)
    assert downsample(empty, 4).t == [T, T + 1, T + 4]
    assert downsample(empty, 2).t == [T, T + 4]
