"""Parallel actions on one repair order or one customer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import RewardEntry, User
from common.domain.errors import DomainError, IllegalTransition
from customers.models import Customer, Notification
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import PartLine, RepairOrder
from repair_orders.queries import totals_of
from repair_orders.tests.test_actions import in_state
from testing.factories import (
    PartFactory,
    PartLineFactory,
    ReferralFactory,
    UserFactory,
    VehicleFactory,
)
from testing.storms import parallel


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallelActions:
    def test_one_of_parallel_completions_succeeds(self, now):
        order, by = in_state("in_progress"), UserFactory()
        PartLineFactory(repair_order=order, unit_price=Decimal("10.00"))

        def complete(_):
            actions.complete(order=RepairOrder.objects.get(pk=order.pk), by=by.pk, now=now)
            return "completed"

        outcomes = parallel(20, complete)
        assert outcomes.count("completed") == 1
        assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 19
        assert Customer.objects.get(pk=order.customer_id).total_services == 1
        assert Notification.objects.count() == 1

    def test_parallel_first_orders_credit_once(self, alice, now):
        referral = ReferralFactory(referred=alice.contact)
        orders = [
            in_state("in_progress", price="12.00", vehicle=VehicleFactory(customer=alice)) for _ in range(8)
        ]
        outcomes = parallel(
            8,
            lambda number: actions.complete(
                order=RepairOrder.objects.get(pk=orders[number].pk), by=None, now=now
            ),
        )
        assert outcomes == [None] * 8
        assert list(RewardEntry.objects.values_list("user", "points")) == [(referral.referrer_id, 100)]
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100

    def test_approved_total_is_stored_total(self, now):
        """Lines are added while the customer approves 10.00. The approved order costs exactly 10.00."""
        order, part = in_state("pending"), PartFactory(unit_price=Decimal("1.00"))
        PartLineFactory(repair_order=order, unit_price=Decimal("10.00"))

        def change(number):
            fresh = RepairOrder.objects.get(pk=order.pk)
            if number % 2:
                return jobs.add_part(order=fresh, part=part).pk
            return estimates.approve(order=fresh, by=None, now=now, total=Decimal("10.00"))

        outcomes = parallel(12, change)
        order.refresh_from_db()
        assert all(isinstance(outcome, int | None | DomainError) for outcome in outcomes)
        if order.status == "approved":
            assert totals_of(order).total == Decimal("10.00")
        else:
            assert PartLine.objects.count() == 1 + 6
