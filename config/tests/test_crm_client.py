"""Contract 004 as its public front end speaks it: each call with the body that it sends and the keys that it reads."""

from __future__ import annotations

import jwt
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from testing.factories import UserFactory

pytestmark = pytest.mark.django_db

AUTH, CUSTOMERS = "/api/v1/auth/", "/api/v1/customers/"
PASSWORD = "Walk-4-Parts!"
SIGN_UP = {
    "first_name": "Wanda",
    "last_name": "Walker",
    "email": "wanda@example.com",
    "password1": PASSWORD,
    "password2": PASSWORD,
    "phone_number": "+1 234 567 8900",
    "user_role": "customer",
}
# The form sends every field, empty ones too.
FORM = {
    "street_address": "123 Main Street, Apt 4B",
    "city": "Portland",
    "state": "OR",
    "postal_code": "97201",
    "country": "USA",
    "company_name": "",
    "business_type": "",
    "tax_id": "",
    "emergency_contact_name": "",
    "emergency_contact_phone": "",
    "emergency_contact_relationship": "",
    "preferred_contact_method": "email",
    "notification_preferences": {},
}
SHOWN = {
    *(
        "id",
        "email",
        "first_name",
        "last_name",
        "full_name",
        "phone_number",
        "full_address",
        "customer_since",
    ),
    *("is_business_customer", "company_name", "business_type", "is_verified", "total_services"),
    *("last_service_date", "preferred_contact_method", "created_at", "updated_at"),
}


def read(response, status=200):
    assert response.status_code == status, (response.status_code, response.content)
    return response.json()


@pytest.fixture
def tokens(api):
    """Sign up and sign in, and return the tokens."""
    signed_up = read(api.post(f"{AUTH}register/", SIGN_UP, format="json"), 201)
    assert set(signed_up) >= {"id", "email", "first_name", "last_name", "user_role", "created_at", "tokens"}
    body = {"email": SIGN_UP["email"], "password": PASSWORD}
    signed_in = read(api.post(f"{AUTH}login/", body, format="json"))
    assert signed_in["user_role"] == "customer"
    return signed_in["tokens"]


@pytest.fixture
def browser(tokens):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    return client


def test_token_names_the_user(tokens):
    claims = jwt.decode(tokens["access"], options={"verify_signature": False})
    user = User.objects.get()
    expected = {
        "user_id": str(user.uuid), "email": user.email, "user_role": "customer",
        "first_name": "Wanda", "last_name": "Walker",
    }  # fmt: skip
    assert {name: claims[name] for name in expected} == expected


def test_profile_is_made_shown_and_changed(browser):
    user = str(User.objects.get().uuid)
    check = {"user_id": user}
    known = read(browser.post(f"{CUSTOMERS}check_profile_exists/", check, format="json"))
    assert (known["profile_exists"], known["user_id"], known["customer_id"]) == (False, user, None)
    assert "error" in read(browser.get(f"{CUSTOMERS}profile/"), 404)

    made = read(browser.post(f"{CUSTOMERS}profile/create/", FORM, format="json"), 201)
    assert set(made) >= SHOWN
    assert (made["full_name"], made["full_address"], made["is_business_customer"]) == (
        "Wanda Walker", "123 Main Street, Apt 4B, Portland, OR 97201", False
    )  # fmt: skip
    known = read(browser.post(f"{CUSTOMERS}check_profile_exists/", check, format="json"))
    assert (known["profile_exists"], known["customer_id"]) == (True, made["id"])
    assert read(browser.get(f"{CUSTOMERS}profile/")) == made

    change = FORM | {"company_name": "Taxi Ltd", "emergency_contact_phone": "+1234567890"}
    changed = read(browser.patch(f"{CUSTOMERS}profile/update/", change, format="json"))
    assert (changed["is_business_customer"], changed["company_name"]) == (True, "Taxi Ltd")
    replaced = read(browser.put(f"{CUSTOMERS}profile/update/", FORM, format="json"))
    assert replaced["is_business_customer"] is False

    for url in (f"{made['id']}/", f"by_user_id/?user_id={user}", f"logical/{user}/"):
        assert read(browser.get(CUSTOMERS + url)) == replaced
    moved = read(browser.patch(f"{CUSTOMERS}logical/{user}/", {"city": "Salem"}, format="json"))
    assert moved == replaced | {name: moved[name] for name in ("city", "full_address", "updated_at")}
    assert (moved["city"], moved["full_address"]) == ("Salem", "123 Main Street, Apt 4B, Salem, OR 97201")
    replaced = moved
    dashboard = read(browser.get(f"{CUSTOMERS}{made['id']}/dashboard/"))
    assert dashboard.items() <= replaced.items()
    assert browser.delete(f"{CUSTOMERS}profile/delete/").status_code == 204


def test_own_user_is_shown_and_changed(browser):
    person = read(browser.get(f"{AUTH}profile/"))
    assert set(person) == {
        *("id", "email", "first_name", "last_name", "phone_number", "user_role", "created_at", "is_active")
    }
    change = {"first_name": "Wendy", "phone_number": "+1 234 567 8901"}
    for method, url in (("patch", "profile/"), ("patch", "profile/update/"), ("put", "profile/update/")):
        body = read(getattr(browser, method)(AUTH + url, change, format="json"))
        assert body == person | change


def test_refresh_keeps_the_browser_signed_in_until_it_signs_out(api, tokens):
    refreshed = read(api.post(f"{AUTH}token/refresh/", {"refresh": tokens["refresh"]}, format="json"))
    assert (list(refreshed), refreshed["refresh"]) == (["access", "refresh"], tokens["refresh"])
    read(api.post(f"{AUTH}logout/", {"refresh": refreshed["refresh"]}, format="json"))
    assert "error" in read(
        api.post(f"{AUTH}token/refresh/", {"refresh": tokens["refresh"]}, format="json"), 401
    )


def test_health_names_time_and_version(api):
    assert set(read(api.get(f"{CUSTOMERS}health/"))) >= {"status", "service", "timestamp", "version"}


def test_staff_filter_and_order_customers(as_tim, alice, bob):
    type(alice).objects.filter(pk=alice.pk).update(city="Salem", total_services=3)
    params = {"city": "salem", "state": alice.state, "is_verified": "false", "search": "alice"}
    found = read(as_tim.get(CUSTOMERS, params | {"ordering": "-total_services"}))
    assert [row["id"] for row in found["results"]] == [str(alice.uuid)]
    for ordering in ("total_services", "-total_services", "created_at", "-created_at"):
        assert read(as_tim.get(CUSTOMERS, {"ordering": ordering}))["count"] == 2


def test_counted_service_is_named(sign_in, alice):
    counted = read(sign_in(UserFactory(role="advisor")).post(f"{CUSTOMERS}{alice.uuid}/increment_service/"))
    assert (counted["customer_id"], counted["total_services"]) == (str(alice.uuid), 1)
    assert counted["message"]
