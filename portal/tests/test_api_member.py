"""Contract 003: `POST /api/auth/login/`."""

from __future__ import annotations

import time
from statistics import median

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import Device, Session, User
from testing.factories import PASSWORD
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

URL = "/api/auth/login/"
WRONG = {"error": "Invalid credentials"}


def login(api, email, password=PASSWORD, **fields):
    return api.post(URL, {"email": email, "password": password, **fields}, format="json")


def test_body_is_the_one_of_registration(api, alice):
    user = alice.contact
    response = login(api, user.email.upper())
    body = response.json()
    assert (response.status_code, body) == (
        200,
        {
            "accessToken": body["accessToken"],
            "refreshToken": body["refreshToken"],
            "user": {
                "id": str(user.uuid),
                "name": "Alice Cooper",
                "email": user.email,
                "phone": "(555) 010-0000",
                "membershipId": None,
                "referralCode": user.referral_code,
                "rewardsBalance": 0,
                "createdAt": user.created_at.isoformat().replace("+00:00", "Z"),
            },
        },
    )
    profile = api.get("/api/auth/customer-profile/", HTTP_AUTHORIZATION=f"Bearer {body['accessToken']}")
    assert profile.status_code == 200


def test_trailing_slash_is_optional(api, carol):
    body = {"email": carol.email, "password": PASSWORD}
    assert api.post(URL.rstrip("/"), body, format="json").status_code == 200


def test_body_has_the_stored_balance(api, carol):
    User.objects.update(rewards_balance=250)
    assert login(api, carol.email).json()["user"]["rewardsBalance"] == 250


def test_device_is_stored_and_optional(api, carol):
    for device in ("device-uuid-123", "device-uuid-123", None, ""):
        assert login(api, carol.email, deviceId=device).status_code == 200
    assert Device.objects.values_list("user", "device_id").get() == (carol.pk, "device-uuid-123")
    assert [s.device_id is None for s in Session.objects.order_by("id")] == [False, False, True, True]


@pytest.mark.parametrize("case", ["unknown", "wrong password", "deactivated"])
def test_refusals_have_the_same_body_and_open_no_session(api, carol, case):
    email, password = carol.email, PASSWORD
    if case == "unknown":
        email = "nobody@example.com"
    elif case == "wrong password":
        password = "wrong"
    else:
        User.objects.update(is_active=False)
    response = login(api, email, password, deviceId="phone")
    assert (response.status_code, response.json()) == (401, WRONG)
    assert not (Session.objects.exists() or Device.objects.exists())


def test_missing_fields_are_named(api):
    response = api.post(URL, {"email": "x"}, format="json")
    assert (response.status_code, response.json()) == (
        400,
        {"email": ["Enter a valid email address."], "password": ["This field is required."]},
    )


def test_wrong_passwords_are_counted_across_contracts(api, carol):
    for _ in range(5):
        login(api, carol.email, "wrong")
        api.post("/api/token/", {"email": carol.email, "password": "wrong"}, format="json")
    response = login(api, carol.email)
    assert (response.status_code, response.json()) == (
        429,
        {"error": "Too many sign-in attempts. Try again later."},
    )


def test_unknown_email_and_wrong_password_take_the_same_time(api, carol, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    settings.RATE_LOGIN = 1000
    User.objects.update(password=make_password(PASSWORD))

    def seconds(email):
        begin = time.perf_counter()
        assert login(api, email, "wrong").status_code == 401
        return time.perf_counter() - begin

    emails = (carol.email, "nobody@example.com")
    rounds = [[seconds(email) for email in emails] for _ in range(9)]
    known, unknown = (median(column) for column in zip(*rounds, strict=True))
    assert 0.4 < known / unknown < 2.5  # without hashing, the ratio would be about 20
    queries = [count_queries(lambda email=email: login(api, email, "wrong")) for email in emails]
    assert queries[0] == queries[1]
