"""Days bound as instants, at the ends of the calendar and in the outermost time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection

from common.domain.days import midnight
from common.reads.bindings import EarliestStartOfDay, LatestEndOfDay, StartOfDay


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "America/New_York"])
@pytest.mark.parametrize("day", [date.min, date.max])
def test_first_and_last_day_have_instants(settings, zone, day):
    """They need not be exact, because no row is that old or far in the future."""
    settings.TIME_ZONE = zone
    assert abs(midnight(day).date() - day) < timedelta(days=10)
    for stored in (StartOfDay(), StartOfDay(later=1), EarliestStartOfDay(), LatestEndOfDay()):
        assert stored.get_db_prep_value(day, connection)


def test_day_of_a_clock_change_has_23_hours(settings):
    settings.TIME_ZONE = "America/New_York"
    turned = date(2026, 3, 8)  # the clocks go forward, so it has 23 hours
    ends = StartOfDay(later=1).get_db_prep_value(turned, connection)
    assert ends == connection.ops.adapt_datetimefield_value(datetime(2026, 3, 9, 4, tzinfo=UTC))
    assert midnight(turned) == datetime(2026, 3, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 7, 1)])
def test_no_time_zone_begins_a_day_earlier_or_ends_it_later(day):
    prep = connection.ops.adapt_datetimefield_value
    first, last = (
        stored.get_db_prep_value(day, connection) for stored in (EarliestStartOfDay(), LatestEndOfDay())
    )
    for name in available_timezones():
        begins = datetime.combine(day, time.min, ZoneInfo(name))
        assert first <= prep(begins.astimezone(UTC)), name
        assert prep((begins + timedelta(days=1)).astimezone(UTC)) <= last, name
