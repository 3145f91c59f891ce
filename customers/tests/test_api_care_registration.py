"""Contract 002: registration, as the contract's front end sends it."""

from __future__ import annotations

import pytest

from accounts.models import Session, User
from customers.models import Customer
from testing.factories import UserFactory
from testing.suites import care_invalid

pytestmark = pytest.mark.django_db

URL = "/auth/register"
BODY = {
    "email": "Wanda@Example.com",
    "full_name": "Wanda van Dyke",
    "password": "Sturdy horse 7",
    "role": "CUSTOMER",
}


def register(api, **change):
    return api.post(URL, BODY | change, format="json")


def nothing_was_created():
    return not (User.objects.exists() or Session.objects.exists() or Customer.objects.exists())


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
@pytest.mark.parametrize("role", [{}, {"role": "customer"}, {"role": "CUSTOMER"}])
def test_creates_a_customer_and_answers_like_the_login(api, url, role):
    body = {name: value for name, value in BODY.items() if name != "role"} | role
    response = api.post(url, body, format="json")
    assert response.status_code == 201, response.content
    user, customer = User.objects.get(), Customer.objects.get()
    credentials = {"email": BODY["email"], "password": BODY["password"]}
    login = api.post("/auth/login", credentials, format="json").json()
    assert (list(response.json()), response.json()["user"]) == (list(login), login["user"])
    assert login["user"] == {
        "id": user.pk,
        "email": "wanda@example.com",
        "full_name": "Wanda van Dyke",
        "role": "CUSTOMER",
        "avatar": "https://api.dicebear.com/7.x/avataaars/svg?seed=WandavanDyke",
    }
    assert (user.role, user.is_superuser, customer.contact) == ("customer", False, user)
    assert response["Cache-Control"] == "no-store"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['access_token']}")
    assert api.get("/api/v1/customer/dashboard").status_code == 200


@pytest.mark.parametrize(
    "role", ["admin", "ADMIN", "agent", "SUPERVISOR", "vendor", "technician", "", None, 1]
)
def test_other_roles_are_refused(api, role):
    response = register(api, role=role)
    assert (response.status_code, list(response.json()["fields"])) == (422, ["role"])
    assert nothing_was_created()


def test_refusal_of_a_role_says_who_may_register(api):
    detail = "Only customers can register here. Staff accounts are made by the shop."
    assert register(api, role="AGENT").json() == care_invalid("role", detail)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": "x"}, "email", "Enter a valid email address."),
        ({"full_name": " "}, "full_name", "This field may not be blank."),
        ({"full_name": "x" * 101}, "full_name", "Neither half may be longer than 100 characters."),
        ({"password": "12345678"}, "password", None),
    ],
)
def test_invalid_body_is_422_and_creates_nothing(api, change, field, message):
    response = register(api, **change)
    assert (response.status_code, list(response.json()["fields"])) == (422, [field])
    assert message is None or response.json()["fields"] == {field: [message]}
    assert nothing_was_created()


def test_taken_email_is_422(api):
    UserFactory(email="wanda@example.com")
    response = register(api)
    taken = "There is an account with this email already."
    assert (response.status_code, response.json()["fields"]) == (422, {"email": [taken]})
    assert not Customer.objects.exists()


def test_registrations_of_an_address_are_counted(api, settings):
    settings.RATE_REGISTER = 1
    assert register(api).status_code == 201
    response = register(api, email="second@example.com")
    assert (response.status_code, response.json()["error"]) == (429, "Too many requests")
    assert int(response["Retry-After"]) > 0
