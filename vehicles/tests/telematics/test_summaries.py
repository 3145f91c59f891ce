from __future__ import annotations

import pytest
from hypothesis import given

from vehicles.telematics.samples import Samples
from vehicles.telematics.summaries import MAX_GAP_MS, Summary, summarize
from vehicles.tests.telematics.drives import T, samples, steady


def test_hour_at_sixty_miles_per_hour():
    found = summarize(steady(3601, speed=60.0, rate=2.0, odometer=100.0))
    assert found == Summary(3601, pytest.approx(60.0), pytest.approx(2.0), 3600.0)


def test_distance_comes_from_the_speed_without_an_odometer():
    found = summarize(steady(3601, speed=60.0)._replace(odometer=[None] * 3600 + [99.0]))
    assert found.distance == pytest.approx(60.0)


def test_integrals_use_the_trapezoidal_rule():
    start = Samples([T, T + 3_600], [0.0, 60.0], [1.0, 3.0], [None, None])
    found = summarize(start)
    assert (found.distance, found.fuel) == (pytest.approx(0.03), pytest.approx(0.002))
    assert found.driving_seconds == 0  # the first sample has no speed


def test_long_gap_counts_only_for_the_odometer_distance():
    gap = Samples([T, T + MAX_GAP_MS + 1], [60.0, 60.0], [2.0, 2.0], [100.0, 110.0])
    assert summarize(gap) == Summary(2, 10.0, 0.0, 0.0)
    bridged = Samples([T, T + MAX_GAP_MS], [60.0, 60.0], [2.0, 2.0], [None, None])
    assert summarize(bridged) == Summary(2, 5.0, pytest.approx(1 / 6), 300.0)


def test_missing_readings_are_skipped_and_standing_is_not_driving():
    found = summarize(Samples([T, T + 1000, T + 2000], [36.0, None, 0.0], [3.6, None, 3.6], [5.0, None, 4.0]))
    assert found == Summary(3, 0.0, pytest.approx(0.002), 1.0)


def test_distance_is_the_sum_of_plausible_steps():
    minutes = [T + n * 60_000 for n in range(6)]
    broken = Samples(minutes, [60.0] * 6, [None] * 6, [100.0, 101.0, 0.0, 102.0, 50_000.0, 103.0])
    assert summarize(broken).distance == pytest.approx(3.0)


def test_distance_comes_from_the_speed_with_an_odometer_of_zero():
    assert summarize(steady(3601, speed=60.0)._replace(odometer=[0.0] * 3601)).distance == pytest.approx(60.0)


@pytest.mark.parametrize("few", [Samples([], [], [], []), Samples([T], [45.5], [2.3], [15000.5])])
def test_summary_of_no_or_one_sample_is_zero(few):
    assert summarize(few) == Summary(len(few.t), 0, 0, 0)


@given(samples())
def test_summary_is_not_negative_and_driving_fits_the_time(given):
    found = summarize(given)
    assert min(found) >= 0
    assert found.driving_seconds <= (given.t[-1] - given.t[0]) / 1000
