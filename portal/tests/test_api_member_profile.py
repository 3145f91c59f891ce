"""The profile of contract 003's web client, at both of its URLs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from customers.models import Customer
from memberships.renewals import renews_at
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URLS = ("/api/users/profile/", "/api/auth/profile/")
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}


def instant(at):
    return at.isoformat().replace("+00:00", "Z")


def body(user, membership=None, units=""):
    """Return the body, written independently of the serializer."""
    plan = membership and membership.plan
    renewal = membership and instant(renews_at(membership.started_at, timezone.now()))
    shown = {
        "membershipId": membership and str(membership.uuid),
        "membershipPlan": plan and plan.name,
        "membershipStatus": membership and "active",
        "monthlyFee": plan and float(plan.price),
        "renewalDate": renewal,
    }
    return {
        "id": str(user.uuid),
        "email": user.email,
        "name": f"{user.first_name} {user.last_name}",
        "firstName": user.first_name,
        "lastName": user.last_name,
        "phone": user.phone,
        **shown,
        "autoRenew": membership is not None,
        "canCancel": membership is not None,
        "referralCode": user.referral_code,
        "rewardsBalance": user.rewards_balance,
        "createdAt": instant(user.created_at),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "membership_id": shown["membershipId"],
        "membership_plan": shown["membershipPlan"],
        "membership_status": shown["membershipStatus"],
        "monthly_fee": shown["monthlyFee"],
        "renewal_date": renewal,
        "units": units,
    }


@pytest.mark.parametrize("url", URLS)
class TestProfile:
    def test_body_with_a_membership(self, as_alice, alice, url):
        own = factories.MembershipFactory(user=alice.contact, plan__price=Decimal("19.99"))
        response = as_alice.get(url)
        assert (response.status_code, response.json()) == (200, body(alice.contact, own))
        assert as_alice.get(url.rstrip("/")).json() == response.json()

    def test_body_without_a_membership(self, as_alice, alice, bob, url):
        factories.MembershipFactory(user=bob.contact)
        past = timezone.now() - timedelta(days=1)
        factories.MembershipFactory(user=alice.contact, started_at=past - timedelta(days=30), ends_at=past)
        assert as_alice.get(url).json() == body(alice.contact)

    def test_three_queries_beside_the_caller(self, as_alice, alice, url):
        factories.MembershipFactory(user=alice.contact)
        assert count_queries(lambda: as_alice.get(url)) == 4

    @pytest.mark.parametrize(
        "sent",
        [
            {"first_name": "Alicia", "last_name": "van Cooper", "phone": "+1 555 010 7788"},
            {"firstName": "Alicia", "lastName": "van Cooper", "phone": "+1 555 010 7788"},
            {"name": "Alicia van Cooper", "phone": "+1 555 010 7788"},
        ],
    )
    def test_patch_changes_names_and_phone(self, as_alice, alice, url, sent):
        response = as_alice.patch(url, sent, format="json")
        user = User.objects.get(pk=alice.contact_id)
        assert (response.status_code, response.json()) == (200, body(user))
        assert (user.first_name, user.last_name, user.phone) == ("Alicia", "van Cooper", "+1 555 010 7788")

    def test_patch_changes_the_units(self, as_alice, alice, url):
        for sent, units in (("Metric", "metric"), ("imperial", "imperial"), ("", "")):
            response = as_alice.patch(url, {"units": sent}, format="json")
            assert (response.status_code, response.json()) == (200, body(alice.contact, units=units))
            alice.refresh_from_db()
            assert alice.units == units

    def test_patch_of_the_units_makes_a_customer_of_a_login(self, carol, sign_in, url):
        response = sign_in(carol).patch(url, {"units": "metric"}, format="json")
        assert (response.status_code, response.json()["units"]) == (200, "metric")
        assert Customer.objects.get(logins__user=carol).units == "metric"

    def test_patch_keeps_what_is_not_sent(self, as_alice, alice, url):
        assert as_alice.patch(url, {"last_name": ""}, format="json").status_code == 200
        user = User.objects.get(pk=alice.contact_id)
        assert (user.first_name, user.last_name, user.phone) == (
            alice.contact.first_name,
            "",
            alice.contact.phone,
        )

    @pytest.mark.parametrize(
        ("sent", "answer"),
        [
            ({"phone": "12"}, {"phone": ["Enter a phone number of 7 to 15 digits."]}),
            ({"first_name": ""}, {"first_name": ["This field may not be blank."]}),
            (
                {"units": "furlongs"},
                {"units": ['"furlongs" is not a valid choice. Choose one of: imperial, metric.']},
            ),
            (
                {"first_name": "A", "firstName": "B"},
                {"first_name": ["Differs from another name in this body."]},
            ),
            ({"email": "new@example.com"}, {"email": ["This cannot be changed."]}),
        ],
    )
    def test_wrong_values_are_refused_and_change_nothing(self, as_alice, alice, url, sent, answer):
        before = User.objects.filter(pk=alice.contact_id).values().get()
        response = as_alice.patch(url, sent, format="json")
        assert (response.status_code, list(response.json())) == (400, list(answer))
        if "email" not in sent:
            assert response.json() == answer
        assert User.objects.filter(pk=alice.contact_id).values().get() == before

    def test_requires_a_customers_token(self, api, as_tim, sign_in, carol, url):
        assert api.get(url).status_code == 401
        for method in ("get", "patch"):
            response = getattr(as_tim, method)(url, format="json")
            assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)
        assert sign_in(carol).get(url).json() == body(carol)
