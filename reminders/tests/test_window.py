"""The hours in which a person is reminded, in each zone and across DST nights."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminders.window import find_zone, next_in_window, time_to_send

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@given(instants, zones)
def test_reminders_are_sent_within_the_window_and_as_soon_as_it_opens(instant, zone):
    at = next_in_window(instant, zone)
    assert time(8) <= at.astimezone(zone).time() < time(21)
    # The night has 11 hours. Some zones have skipped a day, and clocks change by up to two hours.
    assert timedelta(0) <= at - instant <= timedelta(hours=11 + 26)
    assert next_in_window(at, zone) == at
    if at > instant:
        before = (at - timedelta(minutes=1)).astimezone(zone)
        assert not time(8) <= before.time() < time(21) or before.date() != at.astimezone(zone).date()


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2026-06-01T07:59:59", NEW_YORK, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01T08:00", NEW_YORK, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01T20:59:59", NEW_YORK, "2026-06-02T00:59:59+00:00"),
        ("2026-06-01T21:00", NEW_YORK, "2026-06-02T12:00:00+00:00"),
        # The night of 8 March 2026 has ten hours, and that of 1 November twelve.
        ("2026-03-07T21:00", NEW_YORK, "2026-03-08T12:00:00+00:00"),
        ("2026-10-31T21:00", NEW_YORK, "2026-11-01T13:00:00+00:00"),
        ("2026-11-01T01:30-05:00", NEW_YORK, "2026-11-01T13:00:00+00:00"),
        ("2026-03-28T22:00", BERLIN, "2026-03-29T06:00:00+00:00"),
        ("2026-03-29T03:30", BERLIN, "2026-03-29T06:00:00+00:00"),
        ("2026-10-24T23:00", BERLIN, "2026-10-25T07:00:00+00:00"),
        ("2026-10-25T02:30+01:00", BERLIN, "2026-10-25T07:00:00+00:00"),
    ],
)
def test_window_opens_at_eight_local_time_also_after_dst_nights(local, zone, expected):
    instant = datetime.fromisoformat(local)
    instant = instant if instant.tzinfo else instant.replace(tzinfo=zone)
    assert next_in_window(instant.astimezone(UTC), zone).isoformat() == expected


@pytest.mark.parametrize(
    ("now", "ends", "expected"),
    [
        ("06:45", "07:00", "06:45"),  # over before the window opens
        ("07:45", "08:00", "07:45"),
        ("07:50", "08:05", "08:00"),
        ("12:45", "13:00", "12:45"),
        ("22:45", "23:00", "22:45"),
    ],
)
def test_parking_waits_for_the_morning_only_if_it_ends_later(now, ends, expected):
    def at(text):
        return datetime.fromisoformat(f"2026-06-01T{text}").replace(tzinfo=BERLIN)

    assert time_to_send(at(now), BERLIN, before=at(ends)) == at(expected)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", BERLIN),
        ("UTC+0", timezone(timedelta(0))),
        ("UTC-5", timezone(timedelta(hours=-5))),
        ("utc +05:30", timezone(timedelta(hours=5, minutes=30))),
        ("+0545", timezone(timedelta(hours=5, minutes=45))),
        ("GMT+14", timezone(timedelta(hours=14))),
        ("UTC+15", None),
        ("UTC+14:01", None),
        ("UTC+5:61", None),
        ("Mars/Olympus", None),
        ("../etc/passwd", None),
        ("America", None),
        ("", None),
    ],
)
def test_zone_is_an_iana_name_or_an_offset(name, zone):
    assert find_zone(name) == zone


def test_zones_are_read_once(monkeypatch):
    find_zone("Europe/Berlin")
    monkeypatch.setattr("reminders.window.available_timezones", lambda: pytest.fail("read again"))
    assert (find_zone("Europe/Berlin"), find_zone("Mars/Olympus")) == (ZoneInfo("Europe/Berlin"), None)
