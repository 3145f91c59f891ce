"""The four routes of contract 000 under /api/token/."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.db import OperationalError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import actions
from accounts.models import KnownAddress, Session, User
from common.domain.models import IdempotencyKey
from common.domain.texts import tidy
from testing.factories import PASSWORD, UserFactory
from testing.storms import parallel
from testing.suites import stored

pytestmark = pytest.mark.django_db

LOGIN, REFRESH, VERIFY, BLACKLIST = (
    "/api/token/",
    "/api/token/refresh/",
    "/api/token/verify/",
    "/api/token/blacklist/",
)
PROFILE = "/api/auth/customer-profile/"
WRONG = {"detail": "No active account found with the given credentials"}
REFUSED = {"detail": "Token is invalid or expired."}
NOT_GOOD = {"detail": "Given token is not valid or has expired."}


def login(api, email, password=PASSWORD, **extra):
    return api.post(LOGIN, {"email": email, "password": password}, format="json", **extra)


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


class TestLogin:
    def test_login_returns_two_valid_tokens(self, api, alice):
        response = login(api, alice.contact.email)
        assert response.status_code == 200
        body = response.json()
        assert list(body) == ["access", "refresh"]
        assert bearer(body["access"]).get(PROFILE).status_code == 200
        assert api.post(REFRESH, {"refresh": body["refresh"]}, format="json").status_code == 200

    def test_login_accepts_missing_slash(self, api, alice):
        response = api.post("/api/token", {"email": alice.contact.email, "password": PASSWORD}, format="json")
        assert response.status_code == 200
        assert list(response.json()) == ["access", "refresh"]

    @pytest.mark.parametrize("change_case", [str.upper, str.title, "  {}  ".format])
    def test_login_accepts_email_in_any_case(self, api, carol, change_case):
        assert login(api, change_case(carol.email)).status_code == 200

    def test_login_writes_session_last_login_and_known_address(self, api, carol):
        before = timezone.now()
        login(api, carol.email, REMOTE_ADDR="198.51.100.7")
        session = Session.objects.get()
        assert (session.user_id, session.ended_at, session.device_id) == (carol.pk, None, None)
        known = KnownAddress.objects.get()
        assert (known.user_id, known.address) == (carol.pk, "198.51.100.7")
        carol.refresh_from_db()
        assert before <= session.created_at == known.last_sign_in_at == carol.last_login <= timezone.now()

    def test_login_updates_known_address(self, api, carol):
        login(api, carol.email)
        KnownAddress.objects.update(last_sign_in_at=datetime(2020, 1, 1, tzinfo=UTC))
        login(api, carol.email)
        assert KnownAddress.objects.get().last_sign_in_at.year > 2020

    def test_login_that_cannot_store_a_session_is_no_sign_in(self, api, carol, monkeypatch):
        login(api, carol.email)
        before = stored(carol), KnownAddress.objects.values().get()

        def full(**_):
            raise OperationalError("database or disk is full")

        monkeypatch.setattr(Session.objects, "create", full)
        assert login(api, carol.email).status_code in (503, 507)
        assert (stored(carol), KnownAddress.objects.values().get()) == before

    def test_login_claims_match_user(self, api, tim):
        tokens = login(api, tim.email).json()
        session = Session.objects.get()
        mine = {
            "sid": str(session.uuid),
            "user_id": str(tim.uuid),
            "email": tim.email,
            "first_name": "Tim",
            "last_name": "Turner",
            "user_role": "technician",
        }
        for kind in ("access", "refresh"):
            claims = claims_of(tokens[kind])
            assert {name: claims.pop(name) for name in mine} == mine
            assert claims.pop("token_type") == kind
            lifetime = timedelta(hours=1) if kind == "access" else timedelta(days=7)
            assert claims.pop("exp") - claims.pop("iat") == lifetime.total_seconds()
            jti = claims.pop("jti")
            assert (jti == session.refresh_jti) is (kind == "refresh")
            assert claims == {}

    @pytest.mark.parametrize("case", ["unknown", "wrong password", "deactivated", "unusable password"])
    def test_login_refusals_have_same_body_and_open_no_session(self, api, carol, case):
        email, password = carol.email, PASSWORD
        if case == "unknown":
            email = "nobody@example.com"
        elif case == "wrong password":
            password = "wrong"
        elif case == "deactivated":
            User.objects.update(is_active=False)
        else:
            carol.set_password(None)
            carol.save()
        response = login(api, email, password)
        assert (response.status_code, response.json()) == (401, WRONG)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'
        assert not Session.objects.exists()
        assert not KnownAddress.objects.exists()

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"email": ["This field is required."], "password": ["This field is required."]}),
            (
                {"email": "nonsense", "password": ""},
                {"email": ["Enter a valid email address."], "password": ["This field may not be blank."]},
            ),
            (
                {"email": "a@b.example", "password": "x\0y"},
                {"password": ["Null characters are not allowed."]},
            ),
            (
                {"email": "a@b.example", "password": "x" * 129},
                {"password": ["Ensure this field has no more than 128 characters."]},
            ),
            ({"email": "a@b.example", "password": ["x"]}, {"password": ["Not a valid string."]}),
        ],
    )
    def test_login_names_invalid_fields(self, api, body, fields):
        response = api.post(LOGIN, body, format="json")
        first = next(iter(fields))
        assert response.status_code == 400
        assert response.json() == {
            "error": "Invalid input",
            "detail": f"{first}: {fields[first][0]}",
            "fields": fields,
        }

    def test_login_keeps_spaces_of_password(self, api):
        UserFactory(email="space@example.com", password="  padded  ")
        assert login(api, "space@example.com", "  padded  ").status_code == 200
        assert login(api, "space@example.com", "padded").status_code == 401

    def test_login_keeps_accents_and_zero_widths_of_password(self, api, carol):
        password = "Re\u0301seau\u200b"
        carol.set_password(password)
        carol.save()
        assert login(api, carol.email, password).status_code == 200
        assert login(api, carol.email, tidy(password)).status_code == 401

    def test_login_accepts_json_as_text(self, api, carol):
        body = json.dumps({"email": carol.email, "password": PASSWORD})
        assert api.post(LOGIN, body, content_type="text/plain;charset=UTF-8").status_code == 200

    def test_login_by_get_is_405_with_allow(self, api):
        response = api.get(LOGIN)
        assert response.status_code == 405
        assert response["Allow"] == "POST"
        assert response.json() == {"error": "Method not allowed", "detail": 'Method "GET" not allowed.'}


class TestRefresh:
    def test_refresh_returns_only_access_token(self, api, tokens):
        response = api.post(REFRESH, {"refresh": tokens.refresh}, format="json")
        assert response.status_code == 200
        assert list(response.json()) == ["access"]
        assert bearer(response.json()["access"]).get(PROFILE).status_code == 200

    def test_refresh_keeps_refresh_token_valid(self, api, tokens):
        for _ in range(3):
            assert api.post(REFRESH, {"refresh": tokens.refresh}, format="json").status_code == 200

    def test_refresh_updates_claims(self, api, alice, tokens):
        User.objects.filter(pk=alice.contact_id).update(
            first_name="Alicia", last_name="Copper", email="new@example.com"
        )
        claims = claims_of(api.post(REFRESH, {"refresh": tokens.refresh}, format="json").json()["access"])
        named = {name: claims[name] for name in ("first_name", "last_name", "email", "user_role", "user_id")}
        assert named == {
            "first_name": "Alicia",
            "last_name": "Copper",
            "email": "new@example.com",
            "user_role": "customer",
            "user_id": str(alice.contact.uuid),
        }

    def test_refresh_of_deleted_user_is_401(self, api, carol, now):
        refresh = actions.open_session(user=carol, now=now).refresh
        carol.delete()
        response = api.post(REFRESH, {"refresh": refresh}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)

    def test_refresh_requires_token(self, api):
        response = api.post(REFRESH, {}, format="json")
        assert response.status_code == 400
        assert response.json() == {
            "error": "Invalid input",
            "detail": "refresh: This field is required.",
            "fields": {"refresh": ["This field is required."]},
        }


@pytest.fixture
def _rotating(settings):
    settings.ROTATE_REFRESH_TOKENS = True


@pytest.mark.usefixtures("_rotating")
class TestRotation:
    def test_rotation_returns_two_new_tokens(self, api, tokens, session):
        response = api.post(REFRESH, {"refresh": tokens.refresh}, format="json")
        body = response.json()
        assert (response.status_code, list(body)) == (200, ["access", "refresh"])
        assert body["refresh"] != tokens.refresh
        session.refresh_from_db()
        assert session.refresh_jti == claims_of(body["refresh"])["jti"]
        assert claims_of(body["refresh"])["sid"] == str(session.uuid)
        assert bearer(body["access"]).get(PROFILE).status_code == 200
        assert api.post(REFRESH, {"refresh": body["refresh"]}, format="json").status_code == 200

    def test_reuse_of_rotated_token_ends_session(self, api, tokens, session):
        new = api.post(REFRESH, {"refresh": tokens.refresh}, format="json").json()
        stolen = api.post(REFRESH, {"refresh": tokens.refresh}, format="json")
        assert (stolen.status_code, stolen.json()) == (401, REFUSED)
        session.refresh_from_db()
        assert session.ended_at is not None
        assert api.post(REFRESH, {"refresh": new["refresh"]}, format="json").status_code == 401
        assert bearer(new["access"]).get(PROFILE).status_code == 401

    def test_rotated_token_is_not_verified_and_cannot_sign_out(self, api, tokens, session):
        new = api.post(REFRESH, {"refresh": tokens.refresh}, format="json").json()
        verified = api.post(VERIFY, {"token": tokens.refresh}, format="json")
        assert (verified.status_code, verified.json()) == (401, REFUSED)
        out = api.post(BLACKLIST, {"refresh": tokens.refresh}, format="json")
        assert (out.status_code, out.json()) == (401, REFUSED)
        assert api.post(VERIFY, {"token": new["refresh"]}, format="json").status_code == 200

    def test_rotation_of_deleted_user_is_401(self, api, carol, now):
        refresh = actions.open_session(user=carol, now=now).refresh
        carol.delete()
        response = api.post(REFRESH, {"refresh": refresh}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)


class TestVerify:
    @pytest.mark.parametrize("kind", ["access", "refresh"])
    def test_verify_accepts_both_kinds(self, api, tokens, kind):
        response = api.post(VERIFY, {"token": getattr(tokens, kind)}, format="json")
        assert (response.status_code, response.json()) == (200, {})

    @pytest.mark.parametrize("kind", ["access", "refresh"])
    def test_verify_refuses_ended_session(self, api, tokens, now, kind):
        actions.sign_out(refresh=tokens.refresh, now=now)
        response = api.post(VERIFY, {"token": getattr(tokens, kind)}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'


class TestOpenRoutes:
    """Browser clients send `Authorization` with every request, including expired tokens."""

    def test_expired_token_is_ignored(self, alice, tokens, now):
        stale = bearer("expired.or.garbage")
        fresh = stale.post(REFRESH, {"refresh": tokens.refresh}, format="json")
        assert (fresh.status_code, set(fresh.json())) == (200, {"access"})
        assert login(stale, alice.contact.email).status_code == 200
        assert stale.post(VERIFY, {"token": tokens.access}, format="json").status_code == 200
        assert stale.post(BLACKLIST, {"refresh": tokens.refresh}, format="json").status_code == 200

    def test_response_with_tokens_is_not_stored(self, alice, as_alice):
        first, second = (
            login(as_alice, alice.contact.email, HTTP_IDEMPOTENCY_KEY="again").json() for _ in range(2)
        )
        assert first["refresh"] != second["refresh"]
        assert not IdempotencyKey.objects.exists()

    def test_refusal_names_authentication_scheme(self, as_alice, alice):
        response = login(as_alice, alice.contact.email, "wrong")
        assert (response.status_code, response.json()) == (401, WRONG)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'


class TestLogout:
    def test_logout_ends_only_this_session(self, api, alice, tokens, now):
        other = actions.open_session(user=alice.contact, now=now)
        response = api.post(BLACKLIST, {"refresh": tokens.refresh}, format="json")
        assert (response.status_code, response.json()) == (200, {})
        assert bearer(tokens.access).get(PROFILE).json() == NOT_GOOD
        assert api.post(REFRESH, {"refresh": tokens.refresh}, format="json").json() == REFUSED
        assert bearer(other.access).get(PROFILE).status_code == 200
        assert api.post(REFRESH, {"refresh": other.refresh}, format="json").status_code == 200

    def test_second_logout_is_401_and_keeps_first_time(self, api, tokens, session):
        api.post(BLACKLIST, {"refresh": tokens.refresh}, format="json")
        session.refresh_from_db()
        first = session.ended_at
        response = api.post(BLACKLIST, {"refresh": tokens.refresh}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)
        session.refresh_from_db()
        assert session.ended_at == first

    def test_logout_refuses_access_token(self, api, tokens, session):
        response = api.post(BLACKLIST, {"refresh": tokens.access}, format="json")
        assert (response.status_code, response.json()) == (401, REFUSED)
        session.refresh_from_db()
        assert session.ended_at is None


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    @pytest.mark.usefixtures("_rotating")
    def test_one_of_ten_parallel_rotations_succeeds(self, tokens, session):
        def rotate(_):
            response = APIClient().post(REFRESH, {"refresh": tokens.refresh}, format="json")
            return response.status_code, response.json() if response.status_code != 200 else None

        outcomes = parallel(10, rotate)
        assert sorted(outcomes, key=str) == [(200, None)] + [(401, REFUSED)] * 9


USER, UPDATE = "/api/auth/user/", "/api/auth/user/update/"
NO_RIGHTS = dict.fromkeys(
    (
        "can_manage_shops",
        "can_manage_employees",
        "can_view_all_orders",
        "can_create_repair_orders",
        "can_manage_inventory",
        "can_view_financial_data",
        "is_owner",
        "is_employee",
        "is_customer",
    ),
    False,
)


def stamp(at):
    return at and at.isoformat().replace("+00:00", "Z")


def user_body(user, **rights):
    return {
        "id": user.pk,
        "email": user.email,
        "username": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone": user.phone,
        "phone_number": user.phone,
        "role": user.role,
        "role_display": user.role.capitalize(),
        "is_active": True,
        "is_email_verified": True,
        "date_joined": stamp(user.created_at),
        "last_login": stamp(user.last_login),
        "permissions": NO_RIGHTS | rights,
    }


class TestCurrentUser:
    def test_customer_reads_their_user(self, alice, as_alice):
        response = as_alice.get(USER)
        alice.contact.refresh_from_db()
        assert (response.status_code, response.json()) == (200, user_body(alice.contact, is_customer=True))

    def test_rights_are_those_of_the_role(self, tim, ada, sign_in):
        """They follow config/roles.py."""
        technician, admin = (sign_in(user).get(USER).json() for user in (tim, ada))
        assert technician["permissions"] == NO_RIGHTS | {"can_view_all_orders": True, "is_employee": True}
        everything = dict.fromkeys(NO_RIGHTS, True) | {"is_customer": False}
        assert (admin["role"], admin["permissions"]) == ("admin", everything)

    def test_login_without_customer_record_reads_it_too(self, carol, sign_in):
        assert sign_in(carol).get(USER).json()["first_name"] == "Carol"

    @pytest.mark.parametrize(("method", "url"), [("get", USER), ("put", UPDATE)])
    def test_token_is_needed(self, api, method, url):
        response = getattr(api, method)(url)
        assert (response.status_code, response.json()) == (
            401,
            {"detail": "Authentication credentials were not provided."},
        )

    def test_wrong_method_is_told_in_words_of_the_contract(self, as_alice):
        response = as_alice.post(USER, {}, format="json")
        assert (response.status_code, list(response.json()), response["Allow"]) == (
            405,
            ["error", "detail"],
            "GET, HEAD",
        )


class TestCurrentUserUpdate:
    def test_names_and_phone_change(self, alice, as_alice):
        body = {"first_name": "Ally", "last_name": "Cooper-Hill", "phone": "(555) 010-2000"}
        response = as_alice.put(UPDATE, body, format="json")
        alice.contact.refresh_from_db()
        assert (alice.contact.first_name, alice.contact.last_name) == ("Ally", "Cooper-Hill")
        assert (response.status_code, response.json()) == (200, user_body(alice.contact, is_customer=True))
        assert response.json()["phone_number"] == "(555) 010-2000"

    def test_fields_that_are_not_sent_stay(self, alice, as_alice):
        phone = alice.contact.phone
        response = as_alice.put(UPDATE, {"first_name": "Ally", "username": "ally"}, format="json")
        body = response.json()
        assert (body["first_name"], body["last_name"], body["phone"]) == ("Ally", "Cooper", phone)
        assert body["username"] == alice.contact.email

    def test_no_role_can_be_taken(self, alice, as_alice):
        body = {
            "first_name": "Ally",
            "role": "admin",
            "is_staff": True,
            "is_superuser": True,
            "is_active": False,
            "permissions": {"is_owner": True},
        }
        response = as_alice.put(UPDATE, body, format="json")
        user = User.objects.get(pk=alice.contact_id)
        assert (response.status_code, user.role, user.is_superuser, user.is_active) == (
            200,
            "customer",
            False,
            True,
        )
        assert response.json()["permissions"] == NO_RIGHTS | {"is_customer": True}

    def test_changed_email_counts_at_once_and_is_not_verified(self, alice, as_alice):
        response = as_alice.put(UPDATE, {"email": "Ally@Example.com"}, format="json")
        body = response.json()
        assert (response.status_code, body["email"], body["is_email_verified"]) == (
            200,
            "ally@example.com",
            False,
        )

    def test_taken_email_is_refused(self, bob, alice, as_alice):
        before = alice.contact.email
        response = as_alice.put(UPDATE, {"email": bob.contact.email, "first_name": "X"}, format="json")
        message = "There is an account with this email already."
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Email is taken", "detail": message, "fields": {"email": [message]}},
        )
        alice.contact.refresh_from_db()
        assert (alice.contact.email, alice.contact.first_name) == (before, "Alice")

    def test_tries_to_change_the_email_are_limited(self, as_alice, bob):
        for _ in range(20):
            as_alice.put(UPDATE, {"email": bob.contact.email}, format="json")
        response = as_alice.put(UPDATE, {"email": "free@example.com"}, format="json")
        assert (response.status_code, list(response.json())) == (429, ["error", "detail"])

    def test_wrong_values_are_named(self, alice, as_alice):
        sent = {"first_name": "", "phone": "(555) 010-2000", "phone_number": "(555) 010-3000"}
        response = as_alice.put(UPDATE, sent, format="json")
        assert (response.status_code, response.json()["fields"]) == (
            400,
            {
                "first_name": ["This field may not be blank."],
                "phone_number": ["Differs from phone. Send one of the two."],
            },
        )
        response = as_alice.put(UPDATE, {"phone": "call me"}, format="json")
        assert response.json()["fields"] == {"phone": ["Enter a phone number of 7 to 15 digits."]}
        alice.contact.refresh_from_db()
        assert alice.contact.first_name == "Alice"
