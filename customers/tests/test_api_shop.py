from __future__ import annotations

import pytest

from testing.suites import BAD_TOKEN, CUSTOMERS_ONLY, NO_RECORD, UNAUTHENTICATED, count_queries

URL = "/api/auth/customer-profile/"

pytestmark = pytest.mark.django_db


def test_profile_body_matches_contract(alice, as_alice):
    response = as_alice.get(URL)
    assert response.status_code == 200
    body = response.json()
    assert body == {
        "user_id": alice.contact_id,
        "customer": {
            "id": alice.pk,
            "name": "Alice Cooper",
            "email": alice.contact.email,
            "phone": "(555) 010-0000",
            "address": "123 Elm St, Springfield, NY 10001",
            "phone_number": "(555) 010-0000",
        },
        "user_role": "customer",
    }
    assert list(body) == ["user_id", "customer", "user_role"]
    assert list(body["customer"]) == ["id", "name", "email", "phone", "address", "phone_number"]


def test_profile_accepts_missing_slash(as_alice):
    assert as_alice.get(URL.rstrip("/")).json() == as_alice.get(URL).json()


def test_profile_costs_two_queries(as_alice):
    assert count_queries(lambda: as_alice.get(URL)) == 2


def test_profile_refusals_match_contract(api, as_tim, carol, sign_in):
    assert (r := api.get(URL)).status_code == 401
    assert r.json() == UNAUTHENTICATED
    assert (r := api.get(URL, headers={"Authorization": "Bearer x"})).status_code == 401
    assert r.json() == BAD_TOKEN
    assert (r := as_tim.get(URL)).status_code == 403
    assert r.json() == CUSTOMERS_ONLY
    assert (r := sign_in(carol).get(URL)).status_code == 404
    assert r.json() == NO_RECORD
