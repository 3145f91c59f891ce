"""Tests of the renewal date, with dates counted by hand and with its definition as a property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memberships.renewals import renews_at


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("started", "now", "renews"),
    [
        ("2026-01-15T10:00", "2026-01-15T10:00", "2026-02-15T10:00"),
        ("2026-01-15T10:00", "2026-02-15T09:59", "2026-02-15T10:00"),
        ("2026-01-15T10:00", "2026-02-15T10:00", "2026-03-15T10:00"),
        ("2026-01-31T10:00", "2026-02-01T00:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", "2026-02-28T10:00", "2026-03-31T10:00"),
        ("2024-01-31T10:00", "2024-02-10T10:00", "2024-02-29T10:00"),
        ("2025-12-31T23:00", "2026-01-01T00:00", "2026-01-31T23:00"),
        ("2024-02-29T10:00", "2026-11-21T10:00", "2026-11-29T10:00"),
        (
            "2026-05-20T10:00",
            "2026-05-19T10:00",
            "2026-06-20T10:00",
        ),  # a start after `now`, because clocks differ
    ],
)
def test_renewal_date(started, now, renews):
    assert renews_at(at(started), at(now)) == at(renews)


instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@given(instants, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_renewal_is_the_next_whole_month(started, elapsed):
    now = started + elapsed
    due = renews_at(started, now)
    assert now < due <= now + timedelta(days=31)
    assert due.timetz() == started.timetz()
    assert due.day == started.day or (due.day < started.day and (due + timedelta(days=1)).day == 1)
    assert renews_at(started, due - timedelta(microseconds=1)) == due
    assert renews_at(started, due) > due
