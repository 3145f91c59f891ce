"""Contract 004, "Update User Info"."""

from __future__ import annotations

import jwt
import pytest

from accounts import profile
from accounts.models import User
from testing.factories import PASSWORD, UserFactory
from testing.storms import parallel
from testing.suites import UNAUTHENTICATED, refused, stored

pytestmark = pytest.mark.django_db

URL = "/api/auth/profile/update/"
ENDED = {"error": "Unauthorized", "detail": "Token is invalid or expired."}
TAKEN = {"email": ["There is an account with this email already."]}


def patch(client, **body):
    return client.patch(URL, body, format="json")


def body_of(user, **changed):
    return {
        "id": str(user.uuid),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone_number": user.phone,
        "user_role": user.role,
    } | changed


def test_all_fields_change_in_one_history_row(sign_in, carol):
    new = {
        "email": "Caroline@Example.com",
        "first_name": "Caroline",
        "last_name": "Clarke",
        "phone_number": "+15551234567",
    }
    before = carol.history.count()
    response = patch(sign_in(carol), **new)
    assert (response.status_code, response.json()) == (
        200,
        body_of(carol, **{**new, "email": "caroline@example.com"}),
    )
    carol.refresh_from_db()
    assert (carol.email, carol.first_name, carol.last_name, carol.phone) == (
        "caroline@example.com", "Caroline", "Clarke", "+15551234567",
    )  # fmt: skip
    assert carol.history.count() == before + 1
    assert carol.history.latest().history_user == carol


@pytest.mark.parametrize("role", ["customer", "technician", "admin"])
def test_every_role_changes_only_own_user(sign_in, carol, role):
    me = UserFactory(role=role)
    before = stored(carol)
    client = sign_in(me)
    response = patch(client, id=str(carol.uuid), user_role="manager", is_superuser=True, last_name="No")
    fixed = ["This field cannot be changed."]
    assert (response.status_code, response.json()) == (400, {"id": fixed, "user_role": fixed})
    response = patch(client, is_superuser=True, last_name="New")
    assert (response.status_code, response.json()) == (200, body_of(me, last_name="New"))
    me.refresh_from_db()
    assert (me.role, me.is_superuser, stored(carol)) == (role, False, before)


def test_fields_not_sent_keep_values(sign_in, carol):
    client = sign_in(carol)
    before = stored(carol)
    response = patch(client)
    assert (response.status_code, response.json(), stored(carol)) == (200, body_of(carol), before)


def test_route_accepts_missing_slash_and_json_as_text(sign_in, carol):
    response = sign_in(carol).patch(
        URL.rstrip("/"), '{"last_name": "New"}', content_type="text/plain;charset=UTF-8"
    )
    assert (response.status_code, response.json()) == (200, body_of(carol, last_name="New"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "nobody", "Enter a valid email address."),
        ("email", "", "This field may not be blank."),
        ("email", None, "This field may not be null."),
        ("email", f"{'x' * 250}@example.com", "Ensure this field has no more than 254 characters."),
        ("first_name", "", "This field may not be blank."),
        ("first_name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("last_name", "a\x00b", "Null characters are not allowed."),
        ("phone_number", "call me", "Enter a phone number of 7 to 15 digits."),
    ],
)
def test_invalid_value_is_named_without_change(sign_in, carol, field, value, message):
    client = sign_in(carol)
    before = stored(carol)
    response = patch(client, **{"last_name": "New", field: value})
    refused(response, 400, {field: [message]}, carol, before=[before])


def test_taken_email_is_refused_in_any_case(sign_in, carol):
    client, other = sign_in(carol), UserFactory(email="taken@example.com")
    before = [stored(carol), stored(other)]
    response = patch(client, email="Taken@Example.com", last_name="New")
    refused(response, 400, TAKEN, carol, other, before=before)


def test_twenty_tries_an_hour_tell_which_addresses_are_taken(sign_in, carol, settings):
    client = sign_in(carol)
    UserFactory(email="taken@example.com")
    for _ in range(settings.RATE_EMAIL_CHANGES):
        assert patch(client, email="taken@example.com").json() == TAKEN
    before = stored(carol)
    response = patch(client, email="taken@example.com", last_name="New")
    refused(
        response,
        429,
        {"error": "Too many requests", "detail": "Too many changes of email. Try again later."},
        carol,
        before=[before],
    )
    assert 0 < int(response["Retry-After"]) <= 3600
    assert patch(client, email=carol.email, last_name="New").status_code == 200


def test_session_that_ends_during_the_request_changes_no_email(sign_in, carol, now, monkeypatch):
    """An undo ends every session. A change that began before with a stolen token must not follow it."""
    client, before = sign_in(carol), stored(carol)
    monkeypatch.setattr(profile, "count_try", lambda origin: carol.sessions.end(now=now))
    refused(patch(client, email="thief@example.com"), 401, ENDED, carol, before=[before])


def test_own_email_is_accepted(sign_in, carol):
    assert patch(sign_in(carol), email=carol.email.upper()).json() == body_of(carol)


def test_missing_token_is_401(api, carol):
    response = patch(api, last_name="New")
    assert (response.status_code, response.json()) == (401, {"error": "Unauthorized", **UNAUTHENTICATED})


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_other_methods_are_405(sign_in, carol, method):
    response = getattr(sign_in(carol), method)(URL, {}, format="json")
    assert (response.status_code, response.json(), response["Allow"]) == (
        405,
        {"error": "Method not allowed", "detail": f'Method "{method.upper()}" not allowed.'},
        "PUT, PATCH",
    )


def test_put_keeps_fields_that_are_not_sent(sign_in, carol):
    response = sign_in(carol).put(URL, {"last_name": "New", "user_role": "admin"}, format="json")
    assert (response.status_code, response.json()) == (200, body_of(carol, last_name="New"))


def test_token_shows_new_name_after_refresh(api, carol):
    tokens = api.post("/api/token/", {"email": carol.email, "password": PASSWORD}, format="json").json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert patch(api, first_name="Caroline", email="caroline@example.com").status_code == 200

    def claims(token):
        read = jwt.decode(token, options={"verify_signature": False})
        return {name: read[name] for name in ("user_id", "email", "first_name", "last_name", "user_role")}

    old = {
        "user_id": str(carol.uuid),
        "email": carol.email,
        "first_name": "Carol",
        "last_name": "Clark",
        "user_role": "customer",
    }
    assert claims(tokens["access"]) == old
    assert patch(api).status_code == 200  # the old token is still valid
    refreshed = api.post("/api/token/refresh/", {"refresh": tokens["refresh"]}, format="json").json()[
        "access"
    ]
    assert claims(refreshed) == old | {"first_name": "Caroline", "email": "caroline@example.com"}
    words = {"email": "Caroline@example.com", "password": PASSWORD}
    assert api.post("/api/token/", words, format="json").status_code == 200


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_changes_to_same_email_succeeds(sign_in):
    clients = [sign_in(UserFactory()) for _ in range(8)]
    answers = parallel(8, lambda number: patch(clients[number], email="wanted@example.com"))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert [answer.json() for answer in answers if answer.status_code == 400] == [TAKEN] * 7
    assert User.objects.filter(email="wanted@example.com").count() == 1


AUTH = "/api/v1/auth/"
NEW = {
    "email": "test@example.com",
    "first_name": "Test",
    "last_name": "User",
    "phone_number": "+15551234567",
    "password1": "Sturdy horse 7",
    "password2": "Sturdy horse 7",
    "user_role": "customer",
}
WRONG = {"error": "Invalid credentials", "detail": "No active account found with the given credentials"}


def person_of(user, **changed):
    created = user.created_at.isoformat().replace("+00:00", "Z")
    return body_of(user) | {"created_at": created, "is_active": True} | changed


class TestVersioned:
    """The authentication service as the gateway of the contract's front end addresses it."""

    @pytest.mark.parametrize("role", ["customer", "admin", "employee"])
    def test_registration_gives_the_role_of_a_customer_only(self, api, role):
        response = api.post(f"{AUTH}register/", NEW | {"user_role": role}, format="json")
        user = User.objects.get()
        tokens = response.json()["tokens"]
        person = person_of(user)
        top = {
            name: person[name]
            for name in ("id", "email", "first_name", "last_name", "user_role", "created_at")
        }
        assert (response.status_code, response.json()) == (
            201,
            {"tokens": tokens, "user": body_of(user), **top},
        )
        assert (user.role, user.is_superuser) == ("customer", False)

    def test_registration_names_invalid_fields(self, api):
        response = api.post(f"{AUTH}register/", {"password1": "x"}, format="json")
        required = ["This field is required."]
        assert (response.status_code, response.json()) == (
            400, dict.fromkeys(("email", "password2", "first_name", "last_name"), required)
        )  # fmt: skip
        assert not User.objects.exists()

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_login_returns_the_user_and_tokens(self, api, carol, slash):
        api.credentials(HTTP_AUTHORIZATION="Bearer expired")
        response = api.post(
            f"{AUTH}login{slash}", {"email": carol.email, "password": PASSWORD}, format="json"
        )
        tokens = response.json()["tokens"]
        assert (response.status_code, response.json()) == (200, person_of(carol, tokens=tokens))
        assert list(tokens) == ["access", "refresh"]
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        assert api.get(f"{AUTH}profile/").json() == person_of(carol)

    def test_wrong_passwords_count_with_those_of_other_logins(self, api, carol):
        for number in range(10):
            url = (f"{AUTH}login/", "/api/token/")[number % 2]
            response = api.post(url, {"email": carol.email, "password": "wrong"}, format="json")
            assert response.status_code == 401
            assert number % 2 or response.json() == WRONG
        response = api.post(f"{AUTH}login/", {"email": carol.email, "password": PASSWORD}, format="json")
        assert (response.status_code, response.json()["error"]) == (429, "Too many requests")

    @pytest.mark.parametrize("rotates", [False, True])
    def test_refresh_returns_both_tokens(self, api, carol, settings, rotates):
        settings.ROTATE_REFRESH_TOKENS = rotates
        login = api.post(f"{AUTH}login/", {"email": carol.email, "password": PASSWORD}, format="json").json()
        sent = login["tokens"]["refresh"]
        response = api.post(f"{AUTH}token/refresh/", {"refresh": sent}, format="json")
        assert (response.status_code, list(response.json())) == (200, ["access", "refresh"])
        assert (response.json()["refresh"] == sent) is not rotates
        again = api.post(f"{AUTH}token/refresh/", {"refresh": sent}, format="json")
        assert again.status_code == (401 if rotates else 200)

    def test_logout_ends_the_session(self, api, carol):
        login = api.post(f"{AUTH}login/", {"email": carol.email, "password": PASSWORD}, format="json").json()
        sent = {"refresh": login["tokens"]["refresh"]}
        response = api.post(f"{AUTH}logout/", sent, format="json")
        assert (response.status_code, response.json()) == (200, {"message": "Signed out."})
        for url in (f"{AUTH}logout/", f"{AUTH}token/refresh/"):
            again = api.post(url, sent, format="json")
            assert (again.status_code, again.json()) == (401, ENDED)

    @pytest.mark.parametrize(
        ("method", "path"), [("patch", "profile/"), ("patch", "profile/update/"), ("put", "profile/update/")]
    )
    def test_profile_is_changed_and_its_role_is_not(self, sign_in, carol, method, path):
        client = sign_in(carol)
        response = getattr(client, method)(f"{AUTH}{path}", {"last_name": "New"}, format="json")
        assert (response.status_code, response.json()) == (200, person_of(carol, last_name="New"))
        getattr(client, method)(f"{AUTH}{path}", {"user_role": "admin", "is_active": False}, format="json")
        carol.refresh_from_db()
        assert (carol.role, carol.is_active) == ("customer", True)

    def test_missing_token_and_unknown_address_have_the_body_of_the_contract(self, api):
        for method in ("get", "patch"):
            response = getattr(api, method)(f"{AUTH}profile/")
            assert (response.status_code, response.json()) == (
                401,
                {"error": "Unauthorized", **UNAUTHENTICATED},
            )
        response = api.get(f"{AUTH}admin/users/")
        assert (response.status_code, response.json()) == (
            404, {"error": "Not found", "detail": "There is nothing at this address."}
        )  # fmt: skip
