"""Slots of a day. The tests compare with a local clock that is read minute by minute."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from appointments.slots import STEP, BaySchedule, Slot, opening_of_day, slots_within

MINUTE = timedelta(minutes=1)
ZONES = sorted(available_timezones() - {"localtime"})
NEW_YORK = ZoneInfo("America/New_York")
SPRING, AUTUMN = date(2027, 3, 14), date(2027, 11, 7)  # the clocks change at 02:00


def local(slots, zone):
    return [slot.start.astimezone(zone).strftime("%H:%M") for slot in slots]


def slots_on(day, opens, closes, zone=NEW_YORK, length=STEP):
    return list(slots_within(opening_of_day(day, opens=opens, closes=closes, zone=zone), length))


def clock_change_days(zone, year):
    """Return the days of a year on which the clocks of a zone change."""
    noons = [datetime(year, 1, 1, 12, tzinfo=zone) + timedelta(days=n) for n in range(366)]
    return [b.date() for a, b in itertools.pairwise(noons) if a.utcoffset() != b.utcoffset()]


@st.composite
def zones_and_days(draw):
    """Draw any zone and day. Half of them are days on which the clocks change, if the zone has any."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    year = draw(st.integers(2025, 2035))
    days = clock_change_days(zone, year) if draw(st.booleans()) else []
    return zone, draw(st.sampled_from(days) if days else st.dates(date(year, 1, 1), date(year, 12, 31)))


quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))


def open_minutes(day, opens, closes, zone):
    """Return the minutes whose local time is within the hours, as unbroken stretches in order."""
    start = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    stretches = []
    for number in range(56 * 60):
        minute = start + number * MINUTE
        wall = minute.astimezone(zone)
        if wall.date() == day and opens <= wall.time() < closes:
            if not stretches or stretches[-1][-1] != minute - MINUTE:
                stretches.append([])
            stretches[-1].append(minute)
    return stretches


@given(zones_and_days(), quarters, quarters, st.sampled_from([15, 30, 45, 60, 90, 240]))
@example((NEW_YORK, SPRING), time(0), time(23, 45), 30)
@example((NEW_YORK, SPRING), time(2, 30), time(5), 30)
@example((NEW_YORK, SPRING), time(0), time(2, 30), 30)
@example((NEW_YORK, SPRING), time(0), time(2), 30)
@example((NEW_YORK, SPRING), time(2, 15), time(2, 45), 15)
@example((NEW_YORK, AUTUMN), time(0), time(23, 45), 30)
@example((NEW_YORK, AUTUMN), time(1, 30), time(5), 30)
@example((NEW_YORK, AUTUMN), time(0), time(1, 30), 30)
@example((NEW_YORK, AUTUMN), time(1), time(1, 30), 30)
@example((NEW_YORK, AUTUMN), time(1), time(2), 30)
@example((NEW_YORK, AUTUMN), time(1, 15), time(1, 45), 15)
@example((ZoneInfo("Australia/Lord_Howe"), date(2027, 4, 4)), time(0), time(12), 30)
def test_slots_match_the_minutes_of_the_local_clock(zone_and_day, opens, closes, minutes):
    zone, day = zone_and_day
    assume(opens < closes)
    found = slots_on(day, opens, closes, zone, minutes * MINUTE)
    stretches = open_minutes(day, opens, closes, zone)
    # A location opens once a day, so a stretch that ends only because the clocks go back does not count.
    closing = [s for s in stretches if (s[-1] + MINUTE).astimezone(zone).time() >= closes]
    stretch = closing[0] if closing else []
    starts = [at for n, at in enumerate(stretch) if n % 30 == 0 and n + minutes <= len(stretch)]
    assert found == [Slot(at, at + minutes * MINUTE) for at in starts]
    assert len(set(found)) == len(found)
    for slot in found:
        wall = slot.start.astimezone(zone)
        assert (wall.date(), wall.astimezone(UTC)) == (day, slot.start)
        assert opens <= wall.time() < closes


def test_day_of_23_hours_has_no_skipped_slots():
    assert local(slots_on(SPRING, time(0), time(5)), NEW_YORK) == [
        "00:00", "00:30", "01:00", "01:30", "03:00", "03:30", "04:00", "04:30"
    ]  # fmt: skip
    assert len(slots_on(SPRING, time(0), time(23, 30))) == 45


def test_day_of_25_hours_has_the_repeated_hour_twice():
    found = slots_on(AUTUMN, time(0), time(3))
    assert local(found, NEW_YORK) == ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]
    assert [b.start - a.start for a, b in itertools.pairwise(found)] == [STEP] * 7
    assert len(slots_on(AUTUMN, time(0), time(23, 30))) == 49


def test_location_opens_and_closes_once_on_a_day_of_25_hours():
    assert local(slots_on(AUTUMN, time(1, 30), time(3)), NEW_YORK) == ["01:30", "02:00", "02:30"]
    assert local(slots_on(AUTUMN, time(0), time(1, 30)), NEW_YORK) == ["00:00", "00:30", "01:00"]
    assert local(slots_on(AUTUMN, time(1), time(2)), NEW_YORK) == ["01:00", "01:30", "01:00", "01:30"]


def test_day_that_a_zone_skipped_has_no_slots():
    """Samoa skipped 30 December 2011 when it crossed the date line."""
    assert slots_on(date(2011, 12, 30), time(8), time(18), ZoneInfo("Pacific/Apia")) == []
    assert len(slots_on(date(2011, 12, 31), time(8), time(18), ZoneInfo("Pacific/Apia"))) == 20


@pytest.mark.parametrize(
    ("minutes", "last", "count"), [(30, "17:30", 20), (45, "17:00", 19), (90, "16:30", 18), (600, "08:00", 1)]
)
def test_slots_lie_within_the_hours(minutes, last, count):
    found = slots_on(date(2027, 1, 4), time(8), time(18), length=minutes * MINUTE)
    assert (local(found, NEW_YORK)[-1], len(found)) == (last, count)


def test_length_beyond_the_hours_has_no_slots():
    assert slots_on(date(2027, 1, 4), time(8), time(18), length=601 * MINUTE) == []


def test_slots_begin_at_the_opening_time():
    assert local(slots_on(date(2027, 1, 4), time(8, 15), time(9, 30)), NEW_YORK) == ["08:15", "08:45"]


NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
held = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 47), st.integers(1, 8)), max_size=30
)  # bay, start and length in half hours


@given(st.permutations([1, 2, 3]), held, st.integers(0, 47), st.integers(1, 8))
def test_first_free_bay_matches_a_search(ids, appointments, start, length):
    valid = []
    for bay, begin, steps in appointments:  # like the database constraint: no overlap in one bay
        appointment = (bay, NOON + begin * STEP, NOON + (begin + steps) * STEP)
        if all(
            bay != other[0] or appointment[1] >= other[2] or appointment[2] <= other[1] for other in valid
        ):
            valid.append(appointment)
    slot = Slot(NOON + start * STEP, NOON + (start + length) * STEP)
    free = [b for b in ids if not any(b == v[0] and v[1] < slot.end and v[2] > slot.start for v in valid)]
    assert BaySchedule(ids, valid).first_free(slot) == next(iter(free), None)


def test_location_without_bays_has_no_free_bay():
    assert BaySchedule([], []).first_free(Slot(NOON, NOON + STEP)) is None
