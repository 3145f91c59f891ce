from __future__ import annotations

import pytest
from hypothesis import given

from vehicles.telematics.distance import Course, Newest, follow_odometer
from vehicles.telematics.samples import Samples
from vehicles.tests.telematics.drives import T, samples, steady

MINUTE = 60_000


def course(odometer, step=MINUTE):
    count = len(odometer)
    return follow_odometer(
        Samples([T + n * step for n in range(count)], [None] * count, [None] * count, odometer)
    )


@pytest.mark.parametrize(
    ("odometer", "distance", "newest"),
    [
        pytest.param([100.0, 101.0, 102.5], 2.5, (2, 102.5), id="a drive"),
        pytest.param([100.0, None, 102.0], 2.0, (2, 102.0), id="a missing reading"),
        pytest.param([100.0, 0.0, 101.0], 1.0, (2, 101.0), id="a zero"),
        pytest.param([100.0, 101.0, 50_000.0, 103.0], 3.0, (3, 103.0), id="an impossible reading"),
        pytest.param([100.0, 101.0, 50_000.0], 1.0, (1, 101.0), id="an impossible end"),
        pytest.param([100.0, 101.0, 50_000.0, 50_000.0, 104.0], 4.0, (4, 104.0), id="a stuck wrong reading"),
        pytest.param([100.0, 50.0, 101.0], 1.0, (2, 101.0), id="a lower reading"),
        pytest.param([5.0, 100.0, 101.0], 1.0, (2, 101.0), id="a wrong start"),
        pytest.param([100.0, 101.0, 5.0, 6.0, 7.0], 3.0, (4, 7.0), id="a restart"),
        pytest.param([100.0, 100.0, 100.0], 0.0, (2, 100.0), id="a stuck odometer"),
        pytest.param([150.0, 99.0], 0.0, None, id="two that contradict each other"),
        pytest.param([0.0, 0.0], 0.0, None, id="zeros"),
        pytest.param([None, None], 0.0, None, id="no reading"),
        pytest.param([100.0], 0.0, (0, 100.0), id="one reading"),
    ],
)
def test_distance_and_newest_reading(odometer, distance, newest):
    found = course(odometer)
    expected = newest and Newest(T + newest[0] * MINUTE, newest[1])
    assert found == Course(sum(map(bool, odometer)), pytest.approx(distance), expected)


@pytest.mark.parametrize(("miles", "distance"), [(300.0, 200.0), (300.1, 0.0)])
def test_step_of_200_mph_is_the_fastest(miles, distance):
    assert course([100.0, miles], step=3_600_000).distance == pytest.approx(distance)


def test_coarse_odometer_jumps_by_a_mile_in_a_second():
    drive = steady(3601, speed=60.0, odometer=100.5)
    coarse = [float(int(miles)) for miles in drive.odometer]
    assert follow_odometer(drive._replace(odometer=coarse)).distance == pytest.approx(60.0)


@given(samples())
def test_distance_needs_at_most_200_mph(given):
    found = follow_odometer(given)
    hours = (given.t[-1] - given.t[0]) / 3_600_000
    assert 0 <= found.distance <= hours * 200 * (1 + 1e-6) + 1e-6
    assert found.newest is None or found.newest.t in given.t
