"""The routes of contract 003's web client: plans without a login, leaving, and the renewal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from memberships.actions import end_memberships
from memberships.models import Membership
from memberships.renewals import renews_at
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
PLANS, ME = "/api/payments/plans/", "/api/memberships/me/"
CANCEL, TOGGLE = "/api/users/cancel-membership/", "/api/users/toggle-auto-renew/"
NOT_FOUND = (404, {"error": "Membership not found"})


def answer(response):
    return response.status_code, response.json()


def instant(at):
    return at.isoformat().replace("+00:00", "Z")


class TestPlans:
    def test_plans_on_sale_cheapest_first_without_a_token(self, api):
        plus = factories.PlanFactory(tier="plus", price=Decimal("49.00"), features="One\nTwo")
        basic = factories.PlanFactory(tier="basic", price=Decimal("9.99"), features="")
        factories.PlanFactory(is_active=False)
        rows = [
            {
                "id": str(plan.uuid),
                "name": plan.name,
                "tier": plan.tier,
                "price": price,
                "features": features,
                "price_monthly": price,
            }
            for plan, price, features in ((basic, 9.99, []), (plus, 49.0, ["One", "Two"]))
        ]
        assert answer(api.get(PLANS)) == (200, rows)
        assert api.get(PLANS, headers={"Authorization": "Bearer expired"}).json() == rows

    def test_query_count_is_constant(self, api):
        factories.PlanFactory()
        assert count_queries(lambda: api.get(PLANS)) == 1
        factories.PlanFactory.create_batch(29)
        assert count_queries(lambda: api.get(PLANS)) == 1


class TestCancel:
    def test_membership_ends_at_once_and_keeps_the_reason(self, as_alice, alice):
        own = factories.MembershipFactory(user=alice.contact)
        response = as_alice.post(CANCEL, {"reason": "Moved away"}, format="json")
        own.refresh_from_db()
        assert answer(response) == (
            200,
            {
                "message": "The membership was cancelled.",
                "membershipStatus": "cancelled",
                "cancelledAt": instant(own.cancelled_at),
                "membership_status": "cancelled",
                "cancelled_at": instant(own.cancelled_at),
            },
        )
        assert (own.status, own.cancellation_reason) == ("cancelled", "Moved away")
        assert own.history.latest().history_user_id == alice.contact_id
        assert answer(as_alice.post(CANCEL, {}, format="json")) == NOT_FOUND

    def test_refusals_change_nothing(self, api, as_tim, as_bob, as_alice, alice):
        own = factories.MembershipFactory(user=alice.contact)
        assert answer(as_bob.post(CANCEL, {}, format="json")) == NOT_FOUND
        assert api.post(CANCEL, {}, format="json").status_code == 401
        assert as_tim.post(CANCEL, {}, format="json").status_code == 403
        assert as_alice.post(CANCEL, {"reason": "x" * 2001}, format="json").status_code == 400
        own.refresh_from_db()
        assert own.status == "active"


class TestRenewal:
    @pytest.mark.parametrize("key", ["autoRenew", "auto_renew"])
    def test_switched_off_it_ends_at_the_next_renewal(self, as_alice, alice, key):
        own = factories.MembershipFactory(user=alice.contact, started_at=timezone.now() - timedelta(days=40))
        due = renews_at(own.started_at, timezone.now())
        response = as_alice.post(TOGGLE, {key: False}, format="json")
        own.refresh_from_db()
        assert answer(response) == (
            200,
            {**as_alice.get(ME).json(), "autoRenew": False, "renewsAt": instant(due), "auto_renew": False},
        )
        assert (own.status, own.ends_at) == ("active", due)
        assert own.history.latest().history_change_reason == "renewal: off"
        assert as_alice.post(TOGGLE, {key: True}, format="json").json()["autoRenew"] is True
        own.refresh_from_db()
        assert own.ends_at is None

    def test_repeating_changes_nothing(self, as_alice, alice):
        own = factories.MembershipFactory(user=alice.contact)
        for _ in range(2):
            assert as_alice.post(TOGGLE, {"autoRenew": True}, format="json").status_code == 200
        assert own.history.count() == 1

    @pytest.mark.parametrize(
        ("sent", "fields"),
        [
            ({}, {"autoRenew": ["This field is required."]}),
            ({"autoRenew": "perhaps"}, {"autoRenew": ["Must be a valid boolean."]}),
            ({"autoRenew": True, "auto_renew": False}, {"autoRenew": ["Differs from auto_renew."]}),
        ],
    )
    def test_wrong_bodies_are_refused(self, as_alice, alice, sent, fields):
        factories.MembershipFactory(user=alice.contact)
        assert answer(as_alice.post(TOGGLE, sent, format="json")) == (400, fields)

    def test_without_a_membership_is_404(self, as_alice):
        assert answer(as_alice.post(TOGGLE, {"autoRenew": False}, format="json")) == NOT_FOUND


class TestEnd:
    """A membership that does not renew is over at its instant, also before the sweep ran."""

    @pytest.fixture
    def over(self, alice, now):
        return factories.MembershipFactory(
            user=alice.contact, started_at=now - timedelta(days=31), ends_at=now - timedelta(seconds=1)
        )

    def test_it_is_over_before_the_sweep(self, as_alice, over):
        for response in (
            as_alice.get(ME),
            as_alice.delete(ME),
            as_alice.post(TOGGLE, {"autoRenew": True}, format="json"),
        ):
            assert answer(response) == NOT_FOUND

    def test_it_opens_no_offer_of_its_tier(self, as_alice, over):
        factories.OfferFactory(**{f"for_{over.plan.tier}": True})
        assert as_alice.get("/api/offers/").json() == []

    def test_member_can_join_again(self, as_alice, over):
        plan = factories.PlanFactory()
        assert as_alice.post(ME, {"planId": str(plan.uuid)}, format="json").status_code == 201
        over.refresh_from_db()
        assert (over.status, over.cancelled_at) == ("cancelled", over.ends_at)

    def test_sweep_ends_what_is_due_and_nothing_else(self, over, now):
        later = factories.MembershipFactory(ends_at=now + timedelta(seconds=1))
        renewing = factories.MembershipFactory()
        assert (end_memberships(now=now), end_memberships(now=now)) == (1, 0)
        assert set(Membership.objects.active()) == {later, renewing}
