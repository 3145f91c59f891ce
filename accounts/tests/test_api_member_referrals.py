"""Contract 003, "Referrals"."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from accounts.actions import open_session
from accounts.models import Referral
from accounts.referrals import credit_referrals
from testing.factories import CustomerUserFactory, ReferralFactory, UserFactory
from testing.storms import parallel
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

ME, APPLY = "/api/referrals/me/", "/api/referrals/apply/"
NOT_SIGNED_IN = {"error": "Authentication credentials were not provided."}
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}
UNKNOWN = "No active account has this referral code."
OWN = "This is your own referral code."


def z(instant):
    return instant.isoformat().replace("+00:00", "Z")


def row(referral):
    return {
        "id": str(referral.uuid),
        "referrerUser": str(referral.referrer.uuid),
        "referredUser": str(referral.referred.uuid),
        "code": referral.code,
        "status": referral.status,
        "rewardsApplied": referral.rewards_applied,
        "createdAt": z(referral.created_at),
    }


def apply(client, code, **more):
    response = client.post(APPLY, {"code": code, **more}, format="json")
    return response.status_code, response.json()


class TestMe:
    def test_returns_printed_body_newest_first(self, alice, as_alice, now):
        older = ReferralFactory(referrer=alice.contact, created_at=now - timedelta(days=1))
        newer = ReferralFactory(referrer=alice.contact, created_at=now)
        credit_referrals(friends=[older.referred_id], by=None, now=now)
        older.refresh_from_db()
        code = alice.contact.referral_code
        response = as_alice.get(ME)
        assert (response.status_code, response.json()) == (
            200,
            {
                "code": code,
                "link": f"https://membershipauto.com/r/{code}",
                "referrals": [row(newer), row(older)],
            },
        )
        assert (row(older)["status"], row(older)["rewardsApplied"]) == ("credited", {"points": 100})

    def test_other_customer_sees_only_own_referrals(self, alice, bob, as_bob):
        ReferralFactory(referrer=alice.contact, referred=bob.contact)
        code = bob.contact.referral_code
        assert as_bob.get(ME).json() == {
            "code": code,
            "link": f"https://membershipauto.com/r/{code}",
            "referrals": [],
        }

    def test_login_without_customer_has_code(self, carol, sign_in):
        assert sign_in(carol).get(ME).json()["code"] == carol.referral_code

    def test_link_follows_setting(self, as_alice, alice, settings):
        settings.REFERRAL_LINK = "https://garage.example/join?code="
        assert (
            as_alice.get(ME).json()["link"]
            == f"https://garage.example/join?code={alice.contact.referral_code}"
        )

    def test_query_count_is_constant(self, alice, as_alice):
        ReferralFactory(referrer=alice.contact)
        as_alice.get(ME)
        with_one = count_queries(lambda: as_alice.get(ME))
        ReferralFactory.create_batch(29, referrer=alice.contact)
        assert len(as_alice.get(ME).json()["referrals"]) == 30
        assert count_queries(lambda: as_alice.get(ME)) == with_one == 3

    def test_refusals(self, api, as_tim, as_alice):
        assert (api.get(ME).status_code, api.get(ME).json()) == (401, NOT_SIGNED_IN)
        assert (as_tim.get(ME).status_code, as_tim.get(ME).json()) == (403, CUSTOMERS_ONLY)
        unknown = as_alice.get(ME, {"colour": "red"})
        assert (unknown.status_code, unknown.json()) == (400, {"colour": ["Unknown parameter."]})

    def test_route_accepts_missing_slash(self, as_alice):
        assert as_alice.get(ME.rstrip("/")).json() == as_alice.get(ME).json()


class TestApply:
    def test_returns_referral(self, alice, bob, as_bob):
        status, body = apply(as_bob, alice.contact.referral_code.lower(), newUserId="ignored")
        referral = Referral.objects.get()
        assert (status, body) == (201, row(referral))
        assert (referral.referrer, referral.referred, referral.status) == (
            alice.contact, bob.contact, "signed_up"
        )  # fmt: skip
        assert [past.history_user_id for past in referral.history.all()] == [bob.contact_id]

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("REF-NOBODY", {"error": UNKNOWN, "code": [UNKNOWN]}),
            ("", {"code": ["This field may not be blank."]}),
            ("x" * 21, {"code": ["Ensure this field has no more than 20 characters."]}),
        ],
    )
    def test_invalid_code_is_named(self, as_bob, code, body):
        assert apply(as_bob, code) == (400, body)
        assert not Referral.objects.exists()

    def test_own_code_is_refused(self, bob, as_bob):
        assert apply(as_bob, bob.contact.referral_code) == (400, {"error": OWN, "code": [OWN]})
        assert not Referral.objects.exists()

    def test_code_of_inactive_user_is_unknown(self, as_bob):
        gone = UserFactory(is_active=False)
        assert apply(as_bob, gone.referral_code) == (400, {"error": UNKNOWN, "code": [UNKNOWN]})

    def test_second_code_is_409(self, alice, bob, as_bob, carol):
        apply(as_bob, alice.contact.referral_code)
        taken = (409, {"error": "A referral code has already been applied to this account."})
        for code in (alice.contact.referral_code, carol.referral_code):
            assert apply(as_bob, code) == taken
        assert Referral.objects.get().referrer == alice.contact

    def test_idempotency_key_replays_response(self, alice, as_bob):
        body = {"code": alice.contact.referral_code}
        first, again = (
            as_bob.post(APPLY, body, format="json", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)
        )
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())

    def test_refusals(self, api, as_tim, alice):
        code = alice.contact.referral_code
        assert apply(api, code) == (401, NOT_SIGNED_IN)
        assert apply(as_tim, code) == (403, CUSTOMERS_ONLY)
        assert not Referral.objects.exists()

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_one_of_parallel_codes_is_applied(self, bob, now):
        referrers = UserFactory.create_batch(8)
        token = open_session(user=bob.contact, now=now).access

        def one(number):
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
            return apply(client, referrers[number].referral_code)[0]

        outcomes = parallel(8, one)
        assert sorted(outcomes) == [201] + [409] * 7
        assert Referral.objects.get().referrer == referrers[outcomes.index(201)]


def test_code_of_a_colleague_is_400(alice, as_alice):
    colleague = CustomerUserFactory(customer=alice).user
    text = "This is the code of a login of your own company. Points are for new customers."
    assert apply(as_alice, colleague.referral_code) == (400, {"error": text, "code": [text]})
    assert not Referral.objects.exists()
