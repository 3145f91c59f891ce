"""The sign-in route of contract 002."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import actions
from accounts.models import Session
from testing.factories import PASSWORD, UserFactory
from testing.suites import care_invalid

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/customer/orders"
WRONG = {"error": "Invalid credentials", "detail": "No active account found with the given credentials"}


@pytest.fixture
def ali(alice):
    alice.contact.email = "ali.jawad@example.com"
    alice.contact.set_password("customer123")
    alice.contact.save()
    return alice.contact


PRINTED = {"email": "ali.jawad@example.com", "password": "customer123"}


@pytest.mark.parametrize("url", ["/auth/login", "/auth/login/"])
@pytest.mark.parametrize("spelling", [{"format": "json"}, {"content_type": "text/plain"}])
def test_login_as_printed_returns_valid_tokens(api, ali, url, spelling):
    body = (
        PRINTED if "format" in spelling else '{"email": "ali.jawad@example.com", "password": "customer123"}'
    )
    response = api.post(url, body, **spelling)
    assert response.status_code == 200
    tokens = response.json()
    assert list(tokens) == ["access_token", "refresh_token", "token_type"]
    assert tokens["token_type"] == "bearer"
    assert response["Cache-Control"] == "no-store"
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    assert client.get(ORDERS).status_code == 200
    refreshed = api.post("/api/token/refresh/", {"refresh": tokens["refresh_token"]}, format="json")
    assert refreshed.status_code == 200


def test_login_ignores_expired_token(api, ali):
    api.credentials(HTTP_AUTHORIZATION="Bearer expired")
    assert api.post("/auth/login", PRINTED, format="json").status_code == 200


@pytest.mark.parametrize("wrong", [{"email": "nobody@example.com"}, {"password": "wrong"}])
def test_refusal_does_not_reveal_wrong_field(api, ali, wrong):
    response = api.post("/auth/login", PRINTED | wrong, format="json")
    assert (response.status_code, response.json()) == (401, WRONG)
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"password": "x"}, "email", "This field is required."),
        ({"email": "x", "password": "x"}, "email", "Enter a valid email address."),
        ({"email": "a@example.com"}, "password", "This field is required."),
    ],
)
def test_invalid_body_is_422_and_names_field(api, body, field, message):
    response = api.post("/auth/login", body, format="json")
    assert (response.status_code, response.json()) == (422, care_invalid(field, message))


def test_malformed_json_is_400(api):
    response = api.post("/auth/login", "{", content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (400, "Malformed JSON")


def test_wrong_passwords_count_across_contracts(api):
    user = UserFactory()
    for number in range(10):
        url, word = [("/auth/login", "email"), ("/api/token/", "email")][number % 2]
        assert api.post(url, {word: user.email, "password": "wrong"}, format="json").status_code == 401
    for url in ("/auth/login", "/api/token/"):
        response = api.post(url, {"email": user.email, "password": PASSWORD}, format="json")
        assert (response.status_code, response.json()) == (
            429,
            {"error": "Too many requests", "detail": "Too many sign-in attempts. Try again later."},
        )
        assert int(response["Retry-After"]) > 0
    assert not Session.objects.exists()


def test_other_methods_are_405(api):
    response = api.get("/auth/login")
    assert (response.status_code, response["Allow"]) == (405, "POST")


REFUSED = {"error": "Unauthorized", "detail": "Token is invalid or expired."}


class TestRefresh:
    @pytest.fixture
    def tokens(self, carol, now):
        return actions.open_session(user=carol, now=now)

    @pytest.mark.parametrize("url", ["/auth/refresh", "/auth/refresh/"])
    @pytest.mark.parametrize("name", ["refresh_token", "refresh"])
    def test_returns_access_token_and_does_not_rotate(self, api, tokens, settings, url, name):
        settings.ROTATE_REFRESH_TOKENS = True
        api.credentials(HTTP_AUTHORIZATION="Bearer expired")
        for _ in range(2):
            response = api.post(url, {name: tokens.refresh}, format="json")
            access = response.json()["access"]
            assert (response.status_code, response.json()) == (
                200,
                {
                    "access_token": access,
                    "refresh_token": tokens.refresh,
                    "token_type": "bearer",
                    "access": access,
                },
            )
            assert response["Cache-Control"] == "no-store"
        assert AccessToken(access)["user_role"] == "customer"

    def test_invalid_access_and_ended_tokens_are_401(self, api, tokens, carol, now):
        def refresh(token):
            response = api.post("/auth/refresh", {"refresh_token": token}, format="json")
            return response.status_code, response.json()

        for token in ("garbage", "a.b.c", tokens.access):
            assert refresh(token) == (401, REFUSED)
        actions.end_all_sessions(user=carol, now=now)
        assert refresh(tokens.refresh) == (401, REFUSED)

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({}, "refresh_token", "This field is required."),
            (
                {"refresh_token": 1, "refresh": 2},
                "refresh",
                "Differs from refresh_token. Send one of the two.",
            ),
        ],
    )
    def test_one_token_is_required(self, api, body, field, message):
        response = api.post("/auth/refresh", body, format="json")
        assert (response.status_code, response.json()) == (422, care_invalid(field, message))
