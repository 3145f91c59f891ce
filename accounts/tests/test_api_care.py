"""The sign-in route of contract 002."""

from __future__ import annotations

from urllib.parse import urlencode

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
    assert list(tokens) == ["access_token", "refresh_token", "token_type", "user"]
    assert tokens["token_type"] == "bearer"
    assert tokens["user"] == {
        "id": ali.pk,
        "email": "ali.jawad@example.com",
        "full_name": "Alice Cooper",
        "role": "CUSTOMER",
        "avatar": "https://api.dicebear.com/7.x/avataaars/svg?seed=AliceCooper",
    }
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


FORM = {"content_type": "application/x-www-form-urlencoded"}


def form_of(**fields):
    return urlencode(
        {"username": "ali.jawad@example.com", "password": "customer123", "role": "customer"} | fields
    )


class TestLoginForm:
    @pytest.mark.parametrize("role", ["customer", "CUSTOMER", ""])
    def test_form_signs_in_as_json_does(self, api, ali, role):
        response = api.post("/auth/login", form_of(role=role), **FORM)
        assert response.status_code == 200, response.content
        as_json = api.post("/auth/login", PRINTED, format="json").json()
        assert response.json()["user"] == as_json["user"]
        assert AccessToken(response.json()["access_token"])["user_role"] == "customer"
        assert response["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("role", ["admin", "agent", "supervisor", "vendor"])
    @pytest.mark.parametrize("spelling", ["form", "json"])
    def test_role_of_another_account_is_403_and_opens_no_session(self, api, ali, role, spelling):
        if spelling == "form":
            response = api.post("/auth/login", form_of(role=role), **FORM)
        else:
            response = api.post("/auth/login", PRINTED | {"role": role}, format="json")
        detail = f"This account does not have the role {role}."
        assert (response.status_code, response.json()) == (403, {"error": "Wrong role", "detail": detail})
        assert not Session.objects.exists()
        ali.refresh_from_db()
        assert ali.role == "customer"

    def test_wrong_password_does_not_tell_the_role(self, api, ali):
        response = api.post("/auth/login", form_of(password="wrong", role="admin"), **FORM)
        assert (response.status_code, response.json()) == (401, WRONG)

    def test_member_of_staff_is_no_customer(self, api):
        user = UserFactory(role="technician")
        fields = {"username": user.email, "password": PASSWORD}
        response = api.post("/auth/login", form_of(**fields, role="customer"), **FORM)
        assert (response.status_code, response.json()["error"]) == (403, "Wrong role")
        response = api.post("/auth/login", form_of(**fields, role="technician"), **FORM)
        assert (response.status_code, response.json()["user"]["role"]) == (200, "TECHNICIAN")

    def test_wrong_passwords_of_the_form_count_with_the_others(self, api, ali):
        for number in range(10):
            if number % 2:
                response = api.post("/auth/login", form_of(password="wrong"), **FORM)
            else:
                response = api.post("/auth/login", PRINTED | {"password": "wrong"}, format="json")
            assert response.status_code == 401
        response = api.post("/auth/login", form_of(), **FORM)
        assert (response.status_code, response.json()["error"]) == (429, "Too many requests")
        assert not Session.objects.exists()

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ("password=x", "email", "This field is required."),
            ("username=x&password=x", "username", "Enter a valid email address."),
            (
                "username=a@example.com&email=b@example.com&password=x",
                "username",
                "Differs from email. Send one of the two.",
            ),
            ("username=a@example.com", "password", "This field is required."),
        ],
    )
    def test_invalid_form_is_422_and_names_field(self, api, body, field, message):
        response = api.post("/auth/login", body, **FORM)
        assert (response.status_code, response.json()) == (422, care_invalid(field, message))


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
