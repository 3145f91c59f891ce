"""Contract 003: plans and the caller's membership, and the access to every route of this room."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from memberships.models import Membership
from memberships.queries import get_membership_uuid
from memberships.renewals import renews_at
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
PLANS, ME, OFFERS = "/api/memberships/plans/", "/api/memberships/me/", "/api/offers/"
NO_TOKEN = {"error": "Authentication credentials were not provided."}
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}


def format_instant(instant):
    return instant.isoformat().replace("+00:00", "Z")


def plan_body(plan):
    return {
        "id": str(plan.uuid),
        "name": plan.name,
        "tier": plan.tier,
        "price": float(plan.price),
        "features": ["Oil changes", "Roadside help"],
    }


def member(user, tier="plus", **more):
    return factories.MembershipFactory(user=user, plan=factories.PlanFactory(tier=tier), **more)


def snapshot():
    return list(Membership.objects.order_by("pk").values())


@pytest.mark.parametrize("url", [PLANS, ME, OFFERS])
class TestEveryRoute:
    def test_trailing_slash_is_optional_and_a_second_one_is_404(self, as_alice, alice, url):
        member(alice.contact)
        assert as_alice.get(url.rstrip("/")).content == as_alice.get(url).content
        assert as_alice.get(url + "/").status_code == 404

    def test_requires_a_customers_token(self, api, as_tim, sign_in, carol, url):
        response = api.get(url)
        assert (response.status_code, response.json()) == (401, NO_TOKEN)
        response = as_tim.get(url)
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)
        assert sign_in(carol).get(url).status_code == (
            404 if url == ME else 200
        )  # a customer record is not required


class TestPlans:
    def test_body_lists_plans_on_sale_cheapest_first(self, as_alice):
        premium = factories.PlanFactory(tier="premium", price=Decimal("49.00"))
        basic = factories.PlanFactory(tier="basic", price=Decimal("9.99"))
        factories.PlanFactory(is_active=False)
        response = as_alice.get(PLANS)
        assert (response.status_code, response.json()) == (200, [plan_body(basic), plan_body(premium)])
        assert b'"price":9.99' in response.content

    def test_plan_without_features_has_an_empty_list(self, as_alice):
        factories.PlanFactory(features="")
        assert as_alice.get(PLANS).json()[0]["features"] == []

    def test_pages_on_request_and_refuses_unknown_parameters(self, as_alice):
        factories.PlanFactory.create_batch(3)
        paged = as_alice.get(PLANS, {"page_size": "2"})
        assert (len(paged.json()), paged["X-Total-Count"]) == (2, "3")
        assert as_alice.get(PLANS, {"tier": "plus"}).json() == {"tier": ["Unknown parameter."]}

    def test_query_count_is_constant(self, as_alice):
        factories.PlanFactory()
        one = count_queries(lambda: as_alice.get(PLANS))
        factories.PlanFactory.create_batch(29)
        assert count_queries(lambda: as_alice.get(PLANS)) == one == 2


@pytest.mark.django_db(transaction=True)
def test_membership_is_read_outside_a_transaction(as_alice, alice):
    """Outside a transaction, as in a real request, parameters of compiled reads reach PostgreSQL as text."""
    membership = member(alice.contact)
    body = as_alice.get(ME).json()
    assert body["renewsAt"] == format_instant(renews_at(membership.started_at, timezone.now()))


class TestMembership:
    def test_without_a_membership_is_404(self, as_alice, alice, bob):
        member(bob.contact)
        member(alice.contact, status="cancelled", cancelled_at=timezone.now())
        for method in ("get", "delete"):
            response = getattr(as_alice, method)(ME)
            assert (response.status_code, response.json()) == (404, {"error": "Membership not found"})

    def test_body_matches_the_membership(self, as_alice, alice):
        started = timezone.now() - timedelta(days=100)
        own = member(alice.contact, started_at=started)
        response = as_alice.get(ME)
        assert response.status_code == 200
        assert response.json() == {
            "id": str(own.uuid),
            "plan": plan_body(own.plan),
            "status": "active",
            "startedAt": format_instant(started),
            "renewsAt": format_instant(renews_at(started, timezone.now())),
            "autoRenew": True,
        }

    def test_join_creates_a_membership(self, as_alice, alice, now):
        plan = factories.PlanFactory()
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert response.status_code == 201, response.content
        own = Membership.objects.get()
        assert (own.user_id, own.plan_id, own.status) == (alice.contact_id, plan.pk, "active")
        assert now <= own.started_at <= timezone.now()
        assert response.json() == as_alice.get(ME).json()
        assert get_membership_uuid(alice.contact_id, timezone.now()) == own.uuid

    def test_repeated_idempotency_key_creates_one_membership(self, as_alice):
        body, headers = {"planId": str(factories.PlanFactory().uuid)}, {"Idempotency-Key": "one"}
        first, again = (as_alice.post(ME, body, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
        assert Membership.objects.count() == 1

    @pytest.mark.parametrize("is_same", [True, False])
    def test_member_cannot_join_another_plan(self, as_alice, alice, is_same):
        own = member(alice.contact)
        plan = own.plan if is_same else factories.PlanFactory(tier="premium")
        before = snapshot()
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {"error": "You have an active membership. Leave it before you join another plan."},
        )
        assert snapshot() == before

    @pytest.mark.parametrize(
        ("body", "status", "answer"),
        [
            ({}, 400, {"planId": ["This field is required."]}),
            ({"planId": "plus"}, 400, {"planId": ["Must be a valid UUID."]}),
            ({"planId": None}, 400, {"planId": ["This field may not be null."]}),
            ({"planId": str(uuid4())}, 404, {"error": "Plan not found"}),
        ],
    )
    def test_invalid_or_unknown_plan_is_refused(self, as_alice, body, status, answer):
        response = as_alice.post(ME, body, format="json")
        assert (response.status_code, response.json()) == (status, answer)
        assert not Membership.objects.exists()

    def test_plan_that_is_not_on_sale_is_404(self, as_alice):
        plan = factories.PlanFactory(is_active=False)
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert (response.status_code, response.json()) == (404, {"error": "Plan not found"})

    def test_cancelled_member_can_join_again(self, as_alice, alice, now):
        own, other = member(alice.contact), member(factories.UserFactory())
        response = as_alice.delete(ME)
        assert (response.status_code, response.content) == (204, b"")
        own.refresh_from_db()
        other.refresh_from_db()
        assert (own.status, other.status) == ("cancelled", "active")
        assert now <= own.cancelled_at <= timezone.now()
        assert [row.history_user_id for row in own.history.order_by("history_id")][-1] == alice.contact_id
        assert get_membership_uuid(alice.contact_id, timezone.now()) is None
        assert as_alice.delete(ME).status_code == 404
        assert as_alice.post(ME, {"planId": str(own.plan.uuid)}, format="json").status_code == 201
        assert Membership.objects.filter(user=alice.contact).count() == 2

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_other_methods_are_405(self, as_alice, method):
        response = getattr(as_alice, method)(ME, {}, format="json")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, POST, DELETE")

    def test_staff_can_neither_join_nor_cancel(self, as_tim, tim):
        member(tim)
        before = snapshot()
        plan = {"planId": str(factories.PlanFactory().uuid)}
        assert as_tim.post(ME, plan, format="json").status_code == 403
        assert as_tim.delete(ME).status_code == 403
        assert snapshot() == before
