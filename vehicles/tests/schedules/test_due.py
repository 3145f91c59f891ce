from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.days import add_months
from vehicles.schedules.due import Due, next_due

days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
months = st.integers(0, 240)


@pytest.mark.parametrize(
    ("day", "later", "expected"),
    [
        ("2026-01-15", 6, "2026-07-15"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2026-03-31", 6, "2026-09-30"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-05-31", 0, "2026-05-31"),
    ],
)
def test_months_of_different_lengths(day, later, expected):
    assert add_months(date.fromisoformat(day), later) == date.fromisoformat(expected)


@given(days, months)
def test_day_stays_or_is_the_last_of_a_shorter_month(day, later):
    due = add_months(day, later)
    assert 12 * (due.year - day.year) + due.month - day.month == later
    assert due.day == day.day or (due.day < day.day and (due + timedelta(days=1)).day == 1)


@given(days, days, months)
def test_later_days_are_never_due_sooner(one, other, later):
    first, second = sorted((one, other))
    assert add_months(first, later) <= add_months(second, later)


@pytest.mark.parametrize(
    ("miles", "interval_months", "interval_miles", "expected"),
    [
        (Decimal("42000.50"), 6, 5000, Due(date(2026, 2, 28), Decimal("47000.50"))),
        (Decimal("42000.50"), None, 5000, Due(None, Decimal("47000.50"))),
        (Decimal("42000.50"), 6, None, Due(date(2026, 2, 28), None)),
        (None, 6, 5000, Due(date(2026, 2, 28), None)),
        (Decimal(0), None, 5000, Due(None, Decimal(5000))),
        (Decimal("9999999.98"), None, 5000, Due(None, Decimal("9999999.99"))),
    ],
)
def test_next_due(miles, interval_months, interval_miles, expected):
    due = next_due(
        on=date(2025, 8, 31), miles=miles, interval_months=interval_months, interval_miles=interval_miles
    )
    assert due == expected
