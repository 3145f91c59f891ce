"""Contract 003: refresh, logout, and the three routes of a password."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from rest_framework.test import APIClient

from accounts import actions
from accounts.models import User
from accounts.tokens import reset_token
from common.domain.models import IdempotencyKey
from common.domain.tokens import AccessToken
from testing.factories import PASSWORD, UserFactory
from testing.storms import parallel
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

REFRESH, LOGOUT = "/api/auth/refresh/", "/api/auth/logout/"
CHANGE, FORGOT, RESET = (
    "/api/auth/password/change/",
    "/api/auth/forgot-password/",
    "/api/auth/reset-password/",
)
USERS_CHANGE = "/api/users/change-password/"
NEW = "another horse battery"
REFUSED = {"error": "Token is invalid or expired."}
CHANGED = {"message": "The password was changed. Sign in with the new password."}
ON_ITS_WAY = {"message": "If an account with this email exists, a link to set a new password was sent."}
NOT_GOOD = "This link has expired or was already used. Request a new link."
TOO_SHORT = "This password is too short. It must contain at least 8 characters."


def post(api, url, body, **extra):
    response = api.post(url, body, format="json", **extra)
    return response.status_code, response.json() if response.content else None


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def tokens(carol, now):
    return actions.open_session(user=carol, now=now)


@pytest.fixture
def as_carol(tokens):
    return bearer(tokens.access)


def may_sign_in(user, password):
    body = {"email": user.email, "password": password}
    return APIClient().post("/api/auth/login/", body, format="json").status_code == 200


def living(user):
    return user.sessions.filter(ended_at=None).count()


class TestRefresh:
    def test_returns_access_token_and_does_not_rotate(self, api, tokens, settings):
        settings.ROTATE_REFRESH_TOKENS = True
        for _ in range(2):
            status, body = post(api, REFRESH, {"refreshToken": tokens.refresh})
            assert (status, list(body)) == (200, ["accessToken"])
        assert AccessToken(body["accessToken"])["user_role"] == "customer"

    @pytest.mark.parametrize("token", ["garbage", "a.b.c"])
    def test_invalid_token_is_401(self, api, token):
        assert post(api, REFRESH, {"refreshToken": token}) == (401, REFUSED)

    def test_access_token_and_ended_session_are_401(self, api, tokens, carol, now):
        assert post(api, REFRESH, {"refreshToken": tokens.access}) == (401, REFUSED)
        actions.end_all_sessions(user=carol, now=now)
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)

    def test_token_is_required(self, api):
        assert post(api, REFRESH, {}) == (400, {"refreshToken": ["This field is required."]})


class TestLogout:
    @pytest.mark.parametrize("name", ["refreshToken", "refresh"])
    def test_ends_only_this_session(self, api, carol, tokens, as_carol, now, name):
        other = actions.open_session(user=carol, now=now)
        assert post(api, LOGOUT, {name: tokens.refresh}) == (204, None)
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert as_carol.get("/api/referrals/me/").status_code == 401
        assert post(api, REFRESH, {"refreshToken": other.refresh})[0] == 200

    def test_second_logout_is_401(self, api, tokens):
        post(api, LOGOUT, {"refreshToken": tokens.refresh})
        assert post(api, LOGOUT, {"refreshToken": tokens.refresh}) == (401, REFUSED)

    def test_token_is_required(self, api):
        assert post(api, LOGOUT, {}) == (400, {"refreshToken": ["This field is required."]})


class TestChange:
    body = {"oldPassword": PASSWORD, "newPassword": NEW}

    def test_ends_every_session(self, api, carol, tokens, as_carol, bob, now):
        stranger = actions.open_session(user=bob.contact, now=now)
        actions.open_session(user=carol, now=now)
        assert post(as_carol, CHANGE, self.body) == (200, CHANGED)
        assert living(carol) == 0
        assert as_carol.get("/api/referrals/me/").status_code == 401
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert post(api, REFRESH, {"refreshToken": stranger.refresh})[0] == 200
        assert may_sign_in(carol, NEW)
        assert not may_sign_in(carol, PASSWORD)

    def test_history_records_user(self, as_carol, carol):
        post(as_carol, CHANGE, self.body)
        assert carol.history.latest().history_user_id == carol.pk

    def test_missing_token_is_401(self, api):
        assert post(api, CHANGE, self.body) == (
            401,
            {"error": "Authentication credentials were not provided."},
        )

    @pytest.mark.parametrize(
        ("change", "status", "body"),
        [
            (
                {"oldPassword": "wrong"},
                400,
                {
                    "error": "The old password is incorrect.",
                    "oldPassword": ["The old password is incorrect."],
                },
            ),
            ({"newPassword": "short"}, 400, {"error": TOO_SHORT, "newPassword": [TOO_SHORT]}),
            ({"newPassword": ""}, 400, {"newPassword": ["This field may not be blank."]}),
        ],
    )
    def test_invalid_request_is_refused_without_change(self, as_carol, carol, change, status, body):
        before = User.objects.values_list("password").get(pk=carol.pk)
        assert post(as_carol, CHANGE, self.body | change) == (status, body)
        assert User.objects.values_list("password").get(pk=carol.pk) == before
        assert living(carol) == 1

    def test_wrong_old_passwords_count_at_sign_in(self, api, as_carol, carol):
        for _ in range(10):
            post(as_carol, CHANGE, self.body | {"oldPassword": "wrong"})
        refusal = (429, {"error": "Too many sign-in attempts. Try again later."})
        assert post(as_carol, CHANGE, self.body) == refusal
        assert post(api, "/api/auth/login/", {"email": carol.email, "password": PASSWORD}) == refusal

    def test_idempotency_key_does_not_replay_password_change(self, as_carol):
        post(as_carol, CHANGE, self.body, HTTP_IDEMPOTENCY_KEY="once")
        assert IdempotencyKey.objects.get().status == 200
        assert post(as_carol, CHANGE, self.body, HTTP_IDEMPOTENCY_KEY="once")[0] == 401


class TestUsersChange:
    """The same action under the names that the web client sends, and under the contract's."""

    @pytest.mark.parametrize(
        "body",
        [
            {"old_password": PASSWORD, "new_password": NEW},
            {"oldPassword": PASSWORD, "newPassword": NEW},
        ],
    )
    def test_ends_every_session(self, api, carol, as_carol, tokens, body):
        assert post(as_carol, USERS_CHANGE, body) == (200, CHANGED)
        assert post(api, USERS_CHANGE.rstrip("/"), body)[0] == 401
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert may_sign_in(carol, NEW)

    @pytest.mark.parametrize(
        ("change", "body"),
        [
            (
                {"old_password": "wrong"},
                {
                    "error": "The old password is incorrect.",
                    "old_password": ["The old password is incorrect."],
                },
            ),
            ({"new_password": "short"}, {"error": TOO_SHORT, "new_password": [TOO_SHORT]}),
            ({"new_password": None}, {"new_password": ["This field may not be null."]}),
        ],
    )
    def test_invalid_request_is_refused_without_change(self, as_carol, carol, change, body):
        before = User.objects.values_list("password").get(pk=carol.pk)
        sent = {"old_password": PASSWORD, "new_password": NEW, **change}
        assert post(as_carol, USERS_CHANGE, sent) == (400, body)
        assert User.objects.values_list("password").get(pk=carol.pk) == before
        assert living(carol) == 1

    def test_wrong_old_passwords_count_at_sign_in(self, api, as_carol, carol):
        for _ in range(10):
            post(as_carol, USERS_CHANGE, {"old_password": "wrong", "new_password": NEW})
        refusal = (429, {"error": "Too many sign-in attempts. Try again later."})
        assert post(api, "/api/auth/login/", {"email": carol.email, "password": PASSWORD}) == refusal


def ask(api, email, capture, **extra):
    with capture(execute=True):
        return post(api, FORGOT, {"email": email}, **extra)


def link_in(message):
    text = message.body
    return re.search(r"https?://\S+", text)[0]


def token_in(message):
    return parse_qs(urlsplit(link_in(message)).query)["token"][0]


class TestForgot:
    def test_mails_link_as_text_and_html(self, api, carol, django_capture_on_commit_callbacks):
        assert ask(api, carol.email.upper(), django_capture_on_commit_callbacks) == (202, ON_ITS_WAY)
        (message,) = mail.outbox
        link = link_in(message)
        assert (message.to, message.subject) == ([carol.email], "Your new password")
        assert link.startswith("http://localhost:8000/reset-password?token=")
        assert "Hello Carol," in message.body
        ((html, kind),) = message.alternatives
        assert kind == "text/html"
        assert f'<a href="{link}">' in html

    def test_link_opens_page_of_setting(self, api, carol, settings, django_capture_on_commit_callbacks):
        settings.PASSWORD_RESET_URL = "https://app.example.com/new-password"
        ask(api, carol.email, django_capture_on_commit_callbacks)
        assert link_in(mail.outbox[0]).startswith("https://app.example.com/new-password?token=")

    @pytest.mark.parametrize("case", ["unknown", "deactivated"])
    def test_unknown_and_inactive_emails_get_same_response_and_no_mail(
        self, api, carol, case, django_capture_on_commit_callbacks
    ):
        User.objects.update(is_active=False)
        email = carol.email if case == "deactivated" else "nobody@example.com"
        assert ask(api, email, django_capture_on_commit_callbacks) == (202, ON_ITS_WAY)
        assert mail.outbox == []

    def test_walk_in_sets_first_password(self, api, django_capture_on_commit_callbacks):
        wanda = UserFactory(email="wanda@example.com", password=None)
        ask(api, wanda.email, django_capture_on_commit_callbacks)
        body = {"token": token_in(mail.outbox[0]), "password": NEW, "passwordConfirm": NEW}
        assert post(api, RESET, body) == (200, CHANGED)
        assert may_sign_in(wanda, NEW)

    def test_known_and_unknown_emails_cost_same_queries(self, api, carol, django_capture_on_commit_callbacks):
        counts = [
            count_queries(lambda email=email: ask(api, email, django_capture_on_commit_callbacks))
            for email in (carol.email, "nobody@example.com")
        ]
        assert counts[0] == counts[1]

    def test_eleventh_request_for_one_email_is_429(self, api, carol):
        for email in (carol.email, "nobody@example.com"):
            answers = [post(api, FORGOT, {"email": email}, REMOTE_ADDR=f"198.51.100.{n}") for n in range(11)]
            assert answers == [(202, ON_ITS_WAY)] * 10 + [
                (429, {"error": "Too many requests for a new password. Try again later."})
            ]

    def test_21st_request_from_one_address_is_429(self, api):
        answers = [post(api, FORGOT, {"email": f"p{n}@example.com"})[0] for n in range(21)]
        assert answers == [202] * 20 + [429]

    def test_invalid_email_is_named(self, api):
        assert post(api, FORGOT, {"email": "x"}) == (400, {"email": ["Enter a valid email address."]})


class TestReset:
    def body(self, user, **change):
        user.refresh_from_db()  # the token is signed over the last sign-in
        return {"token": reset_token(user), "password": NEW, "passwordConfirm": NEW, **change}

    def test_sets_password_and_ends_every_session(self, api, carol, tokens):
        assert post(api, RESET, self.body(carol)) == (200, CHANGED)
        assert living(carol) == 0
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert may_sign_in(carol, NEW)
        assert not may_sign_in(carol, PASSWORD)

    def test_token_works_once(self, api, carol):
        body = self.body(carol)
        assert post(api, RESET, body)[0] == 200
        again = body | {"password": "yet another horse", "passwordConfirm": "yet another horse"}
        assert post(api, RESET, again) == (400, {"error": NOT_GOOD, "token": [NOT_GOOD]})
        assert may_sign_in(carol, NEW)

    @pytest.mark.parametrize("case", ["garbage", "foreign", "cut", "deactivated", "signed in", "other email"])
    def test_invalid_token_is_refused_without_change(self, api, carol, tim, now, case):
        token = reset_token(carol)
        if case == "garbage":
            token = "garbage"
        elif case == "foreign":
            token = f"{tim.uuid.hex}-{token.partition('-')[2]}"
        elif case == "cut":
            token = token[:-1]
        elif case == "deactivated":
            User.objects.update(is_active=False)
        elif case == "signed in":
            actions.open_session(user=carol, now=now)
        else:
            User.objects.filter(pk=carol.pk).update(email="new@example.com")
        before = list(User.objects.order_by("id").values())
        body = self.body(carol, token=token)
        assert post(api, RESET, body) == (400, {"error": NOT_GOOD, "token": [NOT_GOOD]})
        assert list(User.objects.order_by("id").values()) == before

    def test_token_expires(self, api, carol, settings):
        body = self.body(carol)
        settings.PASSWORD_RESET_TIMEOUT = -1
        assert post(api, RESET, body) == (400, {"error": NOT_GOOD, "token": [NOT_GOOD]})

    def test_weak_password_keeps_token_valid(self, api, carol):
        body = self.body(carol)
        weak = body | {"password": "short", "passwordConfirm": "short"}
        assert post(api, RESET, weak) == (400, {"error": TOO_SHORT, "password": [TOO_SHORT]})
        assert post(api, RESET, body) == (200, CHANGED)

    def test_passwords_must_match(self, api, carol):
        body = self.body(carol, passwordConfirm="something else")
        assert post(api, RESET, body) == (
            400,
            {"passwordConfirm": ["The two passwords are not the same."]},
        )
        assert may_sign_in(carol, PASSWORD)

    def test_count_of_wrong_passwords_is_reset(self, api, carol):
        login = {"email": carol.email, "password": NEW}
        for _ in range(11):
            post(api, "/api/auth/login/", login)
        assert post(api, "/api/auth/login/", login)[0] == 429
        post(api, RESET, self.body(carol))
        assert post(api, "/api/auth/login/", login)[0] == 200


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_resets_with_same_token_succeeds(carol):
    token = reset_token(carol)

    def reset(number):
        password = f"horse battery {number}"
        body = {"token": token, "password": password, "passwordConfirm": password}
        return post(APIClient(), RESET, body)[0]

    outcomes = parallel(8, reset)
    assert sorted(outcomes) == [200] + [400] * 7
    assert may_sign_in(carol, f"horse battery {outcomes.index(200)}")
