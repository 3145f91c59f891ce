from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.queries import get_statistics
from testing.factories import CustomerFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
MONTH = datetime(2026, 3, 1, tzinfo=UTC)


def test_statistics_without_customers_are_zero():
    assert get_statistics(now=NOW) == {
        "total_customers": 0,
        "verified_customers": 0,
        "unverified_customers": 0,
        "business_customers": 0,
        "new_this_month": 0,
        "total_services": 0,
        "by_state": {},
    }


rows = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(["", "OR", "or", "Oregon", "Ñuble"]),
            "company_name": st.sampled_from(["", "Taxi Ltd"]),
            "is_verified": st.booleans(),
            "total_services": st.integers(0, 9),
            "customer_since": st.integers(-48, 48).map(lambda hours: MONTH + timedelta(hours=hours)),
        }
    ),
    max_size=6,
)


@settings(max_examples=settings.default.max_examples // 4)
@given(rows)
def test_statistics_match_rows(rows):
    with transaction.atomic():
        for row in rows:
            CustomerFactory(contact=None, **row)
        figures = get_statistics(now=NOW)
        transaction.set_rollback(True)
    states = [row["state"] for row in rows]
    assert figures == {
        "total_customers": len(rows),
        "verified_customers": len([row for row in rows if row["is_verified"]]),
        "unverified_customers": len([row for row in rows if not row["is_verified"]]),
        "business_customers": len([row for row in rows if row["company_name"]]),
        "new_this_month": len([row for row in rows if row["customer_since"] >= MONTH]),
        "total_services": sum(row["total_services"] for row in rows),
        "by_state": {state: states.count(state) for state in states if state},
    }


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_month_is_calendar_month_of_time_zone(settings, zone):
    settings.TIME_ZONE = zone
    begin = MONTH - timedelta(hours=14 if zone == "Pacific/Kiritimati" else -11)
    CustomerFactory(contact=None, customer_since=begin - timedelta(microseconds=1))
    CustomerFactory(contact=None, customer_since=begin)
    assert get_statistics(now=NOW)["new_this_month"] == 1


def test_query_count_is_constant():
    CustomerFactory(contact=None)
    assert count_queries(lambda: get_statistics(now=NOW)) == 1
    for number in range(30):
        CustomerFactory(contact=None, state=f"State {number}")
    assert count_queries(lambda: get_statistics(now=NOW)) == 1
