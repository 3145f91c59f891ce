from __future__ import annotations

import pytest
from hypothesis import given

from vehicles.telematics.packing import VERSION, pack, unpack
from vehicles.telematics.samples import LATEST, Samples
from vehicles.tests.telematics.drives import T, samples, steady


def assert_round_trip(given):
    found = unpack(pack(given), len(given.t))
    assert [list(column) for column in found] == [list(column) for column in given]


@given(samples())
def test_unpacking_returns_the_packed_samples(given):
    assert_round_trip(given)


@pytest.mark.parametrize(
    "speed",
    [
        [None, None],
        [None, 45.5],
        [0, 0.0],
        [0.1 + 0.2, 1 / 3],  # too many decimal places
        [1e-9, 400.0],
        [5e-324, 1e-7],  # exponent notation
        [27 * 0.621371192, 28 * 0.621371192],  # km/h converted to mph
        [399.999999999, 0.000000001],
        [45.5, 1 / 3],
    ],
)
def test_unusual_columns_survive_a_round_trip(speed):
    assert_round_trip(Samples([T, T + 1], speed, [None, 2.3], [15000.5, 10_000_000]))


def test_extreme_values_and_a_single_sample_survive_a_round_trip():
    assert_round_trip(Samples([T], [45.5], [2.3], [15000.5]))
    assert_round_trip(Samples([0, LATEST], [0, 400], [None, None], [0, 9_999_999.99]))


def test_one_unscalable_number_among_many_is_kept():
    drive = steady(1000)
    drive.speed[501] = 1 / 3  # not among the 16 values that are tried first
    assert_round_trip(drive)


def test_thousand_steady_samples_take_under_600_bytes():
    assert len(pack(steady(1000))) < 600


def test_block_of_another_version_is_rejected():
    block = pack(steady(2))
    assert block[0] == VERSION
    with pytest.raises(ValueError, match="version 2"):
        unpack(bytes([2]) + block[1:], 2)
