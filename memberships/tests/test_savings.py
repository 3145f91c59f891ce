"""Savings of a member, computed from the discounts of completed orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from memberships.renewals import months_begun
from memberships.savings import Saved, by_month, fees_of
from repair_orders.models import RepairOrder
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/api/auth/savings/"
D = Decimal


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def discounted(customer, completed_at, *, status="completed", **amounts):
    """Return an order with what each kind took off."""
    order = factories.RepairOrderFactory(
        customer=customer,
        status=status,
        total_cost="10.00" if status == "completed" else None,
        completed_at=completed_at,
    )
    for kind, amount in amounts.items():
        factories.OrderDiscountFactory(repair_order=order, kind=kind, amount=D(amount))
    RepairOrder.objects.filter(pk=order.pk).update(given_discount=sum(map(D, amounts.values())))
    return order


def shown(months):
    return [(row.month, row.year, row.amount, row.services) for row in months if row.services]


class TestMonths:
    def test_months_begun_before_an_instant(self):
        start = at("2026-01-31T10:00:00")
        for until, months in (
            ("2026-01-31T10:00:01", 1),
            ("2026-02-28T10:00:00", 1),
            ("2026-02-28T10:00:01", 2),
            ("2026-03-31T10:00:00", 2),
            ("2026-04-01T00:00:00", 3),
            ("2027-01-31T10:00:00", 12),
        ):
            assert months_begun(start, at(until)) == months, until

    def test_fees_end_with_the_membership(self):
        member = factories.MembershipFactory.build(
            plan__price=D("20.00"), started_at=at("2026-01-10T00:00:00"), ends_at=at("2026-03-10T00:00:00")
        )
        assert fees_of(member, at("2026-02-01T00:00:00")) == D("20.00")
        assert fees_of(member, at("2026-09-01T00:00:00")) == D("40.00")

    def test_last_twelve_months_in_the_time_zone(self):
        rows = [
            Saved(1, at("2026-03-01T04:59:00"), "plan", D("1.00")),  # still February in New York
            Saved(1, at("2026-03-01T04:59:00"), "points", D("2.00")),
            Saved(2, at("2026-03-01T05:00:00"), "offer", D("4.00")),
            Saved(3, at("2025-03-31T12:00:00"), "plan", D("8.00")),  # twelve months before, left out
            Saved(4, at("2025-04-01T12:00:00"), "plan", D("16.00")),
        ]
        months = by_month(rows, at("2026-03-15T12:00:00"), ZoneInfo("America/New_York"))
        assert [(months[0].month, months[0].year), (months[-1].month, months[-1].year), len(months)] == [
            ("Apr", 2025),
            ("Mar", 2026),
            12,
        ]
        assert shown(months) == [
            ("Apr", 2025, D("16.00"), 1),
            ("Feb", 2026, D("3.00"), 1),
            ("Mar", 2026, D("4.00"), 1),
        ]


class TestRoute:
    def test_body_of_a_member(self, as_alice, alice, bob):
        now = timezone.now()
        factories.MembershipFactory(
            user=alice.contact,
            plan=factories.PlanFactory(name="Plus", price=D("20.00")),
            started_at=now - timedelta(hours=1),
        )
        discounted(alice, now, plan="23.39", points="5.00")
        discounted(alice, now - timedelta(days=800), offer="10.00")
        discounted(alice, None, status="in_progress", plan="99.00")
        discounted(bob, now, plan="99.00")
        response = as_alice.get(URL)
        body = response.json()
        months = body["monthlyBreakdown"]
        assert (response.status_code, len(months)) == (200, 12)
        assert months[-1] == {"month": f"{now:%b}", "year": now.year, "amount": 28.39, "services": 1}
        assert all(month["amount"] == 0 for month in months[:-1])
        assert body == {
            "totalSaved": 38.39,
            "savedByPlan": 23.39,
            "savedByOffers": 10.0,
            "savedByPoints": 5.0,
            "servicesUsed": 2,
            "averagePerService": 19.2,
            "totalPaid": 20.0,
            "netSavings": 18.39,
            "monthlyBreakdown": months,
            "membershipPlan": "Plus",
            "monthlyFee": 20.0,
            "total_saved": 38.39,
            "services_used": 2,
            "total_paid": 20.0,
            "monthly_breakdown": months,
        }
        assert as_alice.get(URL.rstrip("/")).json() == body

    def test_user_without_a_customer_record_has_saved_nothing(self, sign_in, carol):
        body = sign_in(carol).get(URL).json()
        assert (body["totalSaved"], body["total_paid"], body["membershipPlan"]) == (0, 0, None)
        assert len(body["monthly_breakdown"]) == 12

    def test_requires_a_customers_token(self, api, as_tim):
        assert api.get(URL).status_code == 401
        assert as_tim.get(URL).status_code == 403

    def test_query_count_is_constant(self, as_alice, alice):
        discounted(alice, timezone.now(), plan="1.00")
        one = count_queries(lambda: as_alice.get(URL))
        for _ in range(29):
            discounted(alice, timezone.now(), plan="1.00")
        assert count_queries(lambda: as_alice.get(URL)) == one == 4
