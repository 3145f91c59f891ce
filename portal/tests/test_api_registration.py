"""`POST /api/auth/register/`, which contracts 000, 003 and 004 share, and `/api/auth/refresh/`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import Referral, Session, User
from common.domain.texts import tidy
from common.http.schema import CachedGenerator
from customers.models import Customer, CustomerUser
from portal.api.member import MemberRegistration
from testing.factories import UserFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db

URL = "/api/auth/register/"
MEMBER = {
    "name": "John Doe",
    "email": "john@example.com",
    "password": "securepassword123",
    "phone": "+1234567890",
}
CRM = {
    "email": "test@example.com",
    "first_name": "Test",
    "last_name": "User",
    "phone_number": "+15551234567",
    "password1": "Sturdy horse 7",
    "password2": "Sturdy horse 7",
}
TAKEN = "There is an account with this email already."
REQUIRED = ["This field is required."]


def register(api, body, **extra):
    return api.post(URL, body, format="json", **extra)


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def nothing_was_created():
    return not (User.objects.exists() or Session.objects.exists() or Customer.objects.exists())


class TestMember:
    def test_body_matches_the_contract(self, api):
        response = register(api, MEMBER)
        user = User.objects.get()
        body = response.json()
        tokens = {name: body[name] for name in ("accessToken", "refreshToken")}
        assert (response.status_code, body) == (
            201,
            {
                **tokens,
                "user": {
                    "id": str(user.uuid),
                    "name": "John Doe",
                    "email": "john@example.com",
                    "phone": "+1234567890",
                    "membershipId": None,
                    "referralCode": user.referral_code,
                    "rewardsBalance": 0,
                    "createdAt": user.created_at.isoformat().replace("+00:00", "Z"),
                },
            },
        )
        assert list(body) == ["accessToken", "refreshToken", "user"]
        assert (user.first_name, user.last_name, user.role) == ("John", "Doe", "customer")
        assert user.check_password("securepassword123")

    def test_creates_the_customer_and_signs_them_in(self, api):
        body = register(api, MEMBER).json()
        user = User.objects.get()
        customer = Customer.objects.get()
        assert (customer.contact, list(customer.logins.values_list("user", flat=True))) == (user, [user.pk])
        profile = bearer(body["accessToken"]).get("/api/auth/customer-profile/")
        assert (profile.status_code, profile.json()["customer"]["name"]) == (200, "John Doe")
        again = api.post("/api/auth/refresh/", {"refreshToken": body["refreshToken"]}, format="json")
        assert again.status_code == 200

    def test_trailing_slash_is_optional_and_a_second_one_is_404(self, api):
        assert api.post(URL.rstrip("/"), MEMBER, format="json").status_code == 201
        doubled = api.post(f"{URL}/", MEMBER, format="json")
        assert (doubled.status_code, doubled.json()) == (404, {"error": "There is nothing at this address."})

    def test_history_has_one_row(self, api):
        register(api, MEMBER)
        assert User.objects.get().history.count() == 1

    @pytest.mark.parametrize("fields", [{}, {"phone": None, "referralCode": None}, {"phone": ""}])
    def test_phone_and_referral_code_are_optional(self, api, fields):
        body = {name: value for name, value in MEMBER.items() if name != "phone"} | fields
        response = register(api, body)
        assert (response.status_code, response.json()["user"]["phone"]) == (201, "")
        assert not Referral.objects.exists()

    @pytest.mark.parametrize(
        ("change", "body"),
        [
            ({"name": None}, {"name": ["This field may not be null."]}),
            ({"name": " "}, {"name": ["This field may not be blank."]}),
            (
                {"name": "x" * 101},
                {"name": ["Neither half may be longer than 100 characters."]},
            ),
            ({"email": "nonsense"}, {"email": ["Enter a valid email address."]}),
            ({"phone": "call me"}, {"phone": ["Enter a phone number of 7 to 15 digits."]}),
            ({"password": "x\0y"}, {"password": ["Null characters are not allowed."]}),
            (
                {"referralCode": "REF-NOBODY"},
                {
                    "error": "No active account has this referral code.",
                    "referralCode": ["No active account has this referral code."],
                },
            ),
            (
                {"password": "12345"},
                {
                    "error": "This password is too short. It must contain at least 8 characters. "
                    "This password is too common. This password is entirely numeric.",
                    "password": [
                        "This password is too short. It must contain at least 8 characters.",
                        "This password is too common.",
                        "This password is entirely numeric.",
                    ],
                },
            ),
            (
                {"password": "john@example.com"},
                {
                    "error": "The password is too similar to the email.",
                    "password": ["The password is too similar to the email."],
                },
            ),
        ],
    )
    def test_invalid_value_is_named_and_creates_nothing(self, api, change, body):
        response = register(api, MEMBER | change)
        assert (response.status_code, response.json()) == (400, body)
        assert nothing_was_created()

    def test_missing_fields_are_named(self, api):
        response = register(api, {})
        assert (response.status_code, response.json()) == (
            400,
            {"name": REQUIRED, "email": REQUIRED, "password": REQUIRED},
        )

    def test_taken_email_is_refused_in_any_case(self, api):
        UserFactory(email="john@example.com")
        response = register(api, MEMBER | {"email": "JOHN@Example.com"})
        assert (response.status_code, response.json()) == (400, {"error": TAKEN, "email": [TAKEN]})
        assert (User.objects.count(), Customer.objects.count(), Session.objects.count()) == (1, 0, 0)

    def test_referral_code_is_accepted_in_any_case(self, api, carol):
        response = register(api, MEMBER | {"referralCode": f" {carol.referral_code.lower()} "})
        assert response.status_code == 201
        referral = Referral.objects.get()
        new_user = User.objects.get(email="john@example.com")
        assert (referral.referrer, referral.referred, referral.code, referral.status) == (
            carol, new_user, carol.referral_code, "signed_up"
        )  # fmt: skip
        assert new_user.referral_code != carol.referral_code

    @pytest.mark.parametrize(
        ("raw", "content_type", "status", "error"),
        [
            (b"{", "application/json", 400, "The body is not valid JSON"),
            (b"[]", "application/json", 400, "The body must be a JSON object."),
            (b"a=1", "application/x-www-form-urlencoded", 415, "Unsupported media type"),
        ],
    )
    def test_unreadable_body_is_refused_in_the_format_of_contract_003(
        self, api, raw, content_type, status, error
    ):
        response = api.generic("POST", URL, raw, content_type=content_type)
        assert (response.status_code, set(response.json())) == (status, {"error"})
        assert response.json()["error"].startswith(error)

    def test_other_methods_are_405_in_the_format_of_contract_003(self, api):
        response = api.get(URL)
        assert (response.status_code, response.json(), response["Allow"]) == (
            405, {"error": 'Method "GET" not allowed.'}, "POST"
        )  # fmt: skip

    def test_expired_token_in_the_request_is_ignored(self):
        assert register(bearer("expired"), MEMBER).status_code == 201


class TestCrm:
    def test_body_matches_the_contract(self, api):
        response = register(api, CRM)
        user = User.objects.get()
        body = response.json()
        assert (response.status_code, body) == (
            201,
            {
                "tokens": {"access": body["tokens"]["access"], "refresh": body["tokens"]["refresh"]},
                "user": {
                    "id": str(user.uuid),
                    "email": "test@example.com",
                    "first_name": "Test",
                    "last_name": "User",
                    "phone_number": "+15551234567",
                    "user_role": "customer",
                },
                "id": str(user.uuid),
                "email": "test@example.com",
                "first_name": "Test",
                "last_name": "User",
                "user_role": "customer",
                "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
            },
        )
        assert user.check_password(CRM["password1"])

    def test_creates_no_customer_record(self, api):
        body = register(api, CRM).json()
        assert not (Customer.objects.exists() or CustomerUser.objects.exists())
        profile = bearer(body["tokens"]["access"]).get("/api/auth/customer-profile/")
        assert profile.status_code == 404

    def test_accepts_json_sent_as_text(self, api):
        response = api.post(URL, json.dumps(CRM), content_type="text/plain;charset=UTF-8")
        assert response.status_code == 201

    @pytest.mark.parametrize(
        ("change", "body"),
        [
            ({"email": None}, {"email": ["This field may not be null."]}),
            ({"password2": "Another horse 7"}, {"password2": ["The two passwords are not the same."]}),
            ({"phone_number": "1"}, {"phone_number": ["Enter a phone number of 7 to 15 digits."]}),
            (
                {"password1": "12345678", "password2": "12345678"},
                {"password1": ["This password is too common.", "This password is entirely numeric."]},
            ),
        ],
    )
    def test_invalid_value_is_named_and_creates_nothing(self, api, change, body):
        response = register(api, CRM | change)
        assert (response.status_code, response.json()) == (400, body)
        assert nothing_was_created()

    def test_missing_fields_are_named(self, api):
        response = register(api, {"password1": "x"})
        assert (response.status_code, response.json()) == (
            400,
            dict.fromkeys(("email", "password2", "first_name", "last_name"), REQUIRED),
        )

    def test_taken_email_is_named(self, api):
        UserFactory(email="test@example.com")
        response = register(api, CRM | {"email": "Test@Example.com"})
        assert (response.status_code, response.json()) == (400, {"email": [TAKEN]})


class TestRate:
    @pytest.mark.parametrize(
        ("body", "refusal"),
        [
            (MEMBER, {"error": "Too many registrations from this address. Try again later."}),
            (
                CRM,
                {
                    "error": "Too many requests",
                    "detail": "Too many registrations from this address. Try again later.",
                },
            ),
        ],
        ids=["member", "crm"],
    )
    def test_21st_registration_of_an_hour_is_429(self, api, body, refusal):
        responses = [register(api, body | {"email": f"p{n}@example.com"}) for n in range(21)]
        assert [response.status_code for response in responses] == [201] * 20 + [429]
        assert responses[-1].json() == refusal
        assert 1 <= int(responses[-1]["Retry-After"]) <= 3600
        assert User.objects.count() == 20

    def test_registrations_of_taken_emails_are_counted(self, api):
        UserFactory(email="john@example.com")
        assert [register(api, MEMBER).status_code for _ in range(21)] == [400] * 20 + [429]

    def test_invalid_bodies_are_not_counted(self, api):
        assert [register(api, MEMBER | {"email": "x"}).status_code for _ in range(25)] == [400] * 25
        assert register(api, MEMBER).status_code == 201

    def test_each_ip_address_has_its_own_limit(self, api):
        for n in range(21):
            register(api, MEMBER | {"email": f"p{n}@example.com"})
        assert register(api, MEMBER, REMOTE_ADDR="198.51.100.7").status_code == 201


def test_schema_has_the_bodies_of_three_contracts():
    schema = CachedGenerator().get_schema(request=None, public=True)
    operation = schema["paths"][URL]["post"]

    def choices(content):
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        options = schema["components"]["schemas"][name]["oneOf"]
        return [option["$ref"].rpartition("/")[2] for option in options]

    assert choices(operation["requestBody"]["content"]) == [
        "MemberRegistrationRequest", "CrmRegistrationRequest", "ShopRegistrationRequest"
    ]  # fmt: skip
    assert choices(operation["responses"]["201"]["content"]) == [
        "MemberSignedIn", "CrmRegistered", "ShopRegistered"
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100))
def test_full_name_is_returned_as_it_was_sent_but_tidy(name):
    form = MemberRegistration(data=MEMBER | {"name": name})
    if form.is_valid():
        user = User(**{part: form.validated_data[part] for part in ("first_name", "last_name")})
        assert user.full_name == tidy(name).strip()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_registrations_of_one_email_succeed_once():
    def one(number):
        body = MEMBER if number % 2 else CRM | {"email": MEMBER["email"]}
        response = register(APIClient(), body, REMOTE_ADDR=f"198.51.100.{number}")
        return response.status_code, response.json()["email"] if response.status_code == 400 else None

    outcomes = parallel(10, one)
    assert sorted(outcomes, key=str) == [(201, None)] + [(400, [TAKEN])] * 9
    assert (User.objects.count(), Session.objects.count()) == (1, 1)
    assert Customer.objects.count() in (0, 1)


SHOP = {
    "username": "alice",
    "email": "alice@example.com",
    "password": "Sturdy horse 7",
    "password_confirm": "Sturdy horse 7",
    "first_name": "Alice",
    "last_name": "Cooper",
    "role": "customer",
}
FORM = {
    "email": "alice@example.com",
    "password": "Sturdy horse 7",
    "firstName": "Alice",
    "lastName": "Cooper",
    "phone": "(555) 714-5422",
    "role": "customer",
}


class TestShop:
    @pytest.mark.parametrize("sent", [SHOP, FORM])
    def test_customer_is_created_and_signed_in(self, api, sent):
        response = register(api, sent)
        user, customer, body = User.objects.get(), Customer.objects.get(), response.json()
        tokens = {name: body[name] for name in ("access", "refresh")}
        assert (response.status_code, body) == (
            201,
            {
                "message": "Your account is ready. You can sign in now.",
                "user_id": user.pk,
                "email": "alice@example.com",
                "role": "customer",
                **tokens,
            },
        )
        assert (user.full_name, user.phone, user.role) == ("Alice Cooper", sent.get("phone", ""), "customer")
        assert (customer.contact, user.is_superuser) == (user, False)
        profile = bearer(body["access"]).get("/api/auth/customer-profile/").json()
        assert profile["customer"]["phone_number"] == profile["customer"]["phone"] == user.phone
        signed_in = api.post(
            "/api/token/", {"email": sent["email"], "password": sent["password"]}, format="json"
        )
        assert signed_in.status_code == 200

    @pytest.mark.parametrize("role", ["admin", "owner", "employee", "mechanic", "technician", "Manager", ""])
    @pytest.mark.parametrize("sent", [SHOP, FORM])
    def test_no_role_can_be_taken_by_asking_for_it(self, api, sent, role):
        response = register(api, sent | {"role": role})
        assert (response.status_code, list(response.json()), list(response.json()["fields"])) == (
            400,
            ["error", "detail", "fields"],
            ["role"],
        )
        assert nothing_was_created()

    def test_refused_role_is_told_in_plain_words(self, api):
        text = "Only customers can register here. The shop creates the accounts of its staff."
        assert register(api, FORM | {"role": "mechanic"}).json()["fields"] == {"role": [text]}

    def test_further_keys_give_no_rights(self, api):
        register(
            api, SHOP | {"is_staff": True, "is_superuser": True, "user_role": "admin", "permissions": {}}
        )
        user = User.objects.get()
        assert (user.role, user.is_superuser, user.is_staff) == ("customer", False, False)

    def test_username_is_the_name_where_there_is_no_other(self, api):
        body = {name: value for name, value in SHOP.items() if name not in ("first_name", "last_name")}
        assert register(api, body | {"username": "Rosa Wind"}).status_code == 201
        assert User.objects.get().full_name == "Rosa Wind"

    @pytest.mark.parametrize(
        ("change", "fields"),
        [
            ({"password_confirm": "other"}, {"password_confirm": ["The two passwords are not the same."]}),
            ({"first_name": "", "last_name": "", "username": ""}, {"first_name": REQUIRED}),
            ({"email": "nonsense"}, {"email": ["Enter a valid email address."]}),
            ({"phone": "call me"}, {"phone": ["Enter a phone number of 7 to 15 digits."]}),
            ({"firstName": "Bob"}, {"firstName": ["Differs from first_name. Send one of the two."]}),
        ],
    )
    def test_invalid_value_is_named_and_creates_nothing(self, api, change, fields):
        response = register(api, SHOP | change)
        body = response.json()
        assert (response.status_code, list(body), body["fields"]) == (
            400,
            ["error", "detail", "fields"],
            fields,
        )
        assert nothing_was_created()

    def test_weak_password_is_refused(self, api):
        response = register(api, FORM | {"password": "12345"})
        assert (response.status_code, list(response.json()["fields"])) == (400, ["password"])
        assert nothing_was_created()

    def test_taken_email_is_refused(self, api):
        UserFactory(email="alice@example.com")
        response = register(api, FORM)
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Email is taken", "detail": TAKEN, "fields": {"email": [TAKEN]}},
        )
        assert not Customer.objects.exists()

    def test_three_contracts_share_the_limit_of_an_address(self, api, settings):
        settings.RATE_REGISTER = 2
        register(api, MEMBER)
        register(api, CRM)
        response = register(api, FORM)
        assert (response.status_code, response.json()) == (
            429,
            {
                "error": "Too many requests",
                "detail": "Too many registrations from this address. Try again later.",
            },
        )
        assert 0 < int(response["Retry-After"]) <= 3600
        assert User.objects.count() == 2

    def test_name_makes_it_contract_003(self, api):
        response = register(api, MEMBER | {"username": "john", "role": "admin"})
        assert (response.status_code, response.json()["user"]["name"]) == (201, "John Doe")
        assert User.objects.get().role == "customer"


REFRESH = "/api/auth/refresh/"


class TestRefresh:
    @pytest.fixture
    def tokens(self, api):
        return register(api, FORM).json()

    def test_refresh_returns_an_access_token(self, api, tokens):
        response = api.post(REFRESH, {"refresh": tokens["refresh"]}, format="json")
        assert (response.status_code, list(response.json())) == (200, ["access"])
        assert bearer(response.json()["access"]).get("/api/auth/user/").status_code == 200

    def test_both_names_are_contract_003(self, api, tokens):
        body = {"refresh": "x", "refreshToken": tokens["refresh"]}
        response = api.post(REFRESH, body, format="json")
        assert (response.status_code, list(response.json())) == (200, ["accessToken"])

    def test_token_rotates_as_at_the_documented_route(self, api, tokens, settings):
        settings.ROTATE_REFRESH_TOKENS = True
        first = api.post(REFRESH, {"refresh": tokens["refresh"]}, format="json")
        assert (first.status_code, list(first.json())) == (200, ["access", "refresh"])
        again = api.post(REFRESH, {"refresh": tokens["refresh"]}, format="json")
        assert (again.status_code, again.json()) == (401, {"detail": "Token is invalid or expired."})
        # The used token may have been stolen, so its session is over.
        last = api.post(REFRESH, {"refresh": first.json()["refresh"]}, format="json")
        assert last.status_code == 401

    @pytest.mark.parametrize("refresh", ["expired", "", None, 5])
    def test_bad_token_is_refused_in_words_of_contract_000(self, api, refresh):
        response = api.post(REFRESH, {"refresh": refresh}, format="json")
        if refresh in ("expired", 5):
            assert (response.status_code, response.json()) == (
                401,
                {"detail": "Token is invalid or expired."},
            )
        else:
            assert (response.status_code, list(response.json())) == (400, ["error", "detail", "fields"])

    def test_access_token_does_not_refresh(self, api, tokens):
        assert api.post(REFRESH, {"refresh": tokens["access"]}, format="json").status_code == 401

    def test_ended_session_does_not_refresh(self, api, tokens):
        api.post("/api/token/blacklist/", {"refresh": tokens["refresh"]}, format="json")
        assert api.post(REFRESH, {"refresh": tokens["refresh"]}, format="json").status_code == 401
