"""Contract 003: refresh, logout, and the three doors of a password."""

from __future__ import annotations

import re
import time
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.db import transaction
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import actions, passwords
from accounts.models import Session, User
from accounts.tokens import reset_token
from common.domain.models import IdempotencyKey
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
NEW = "another horse battery"
REFUSED = {"error": "Token is invalid or expired."}
CHANGED = {"message": "The password is changed. Sign in with the new one."}
ON_ITS_WAY = {"message": "If there is an account with this email, a link to a new password is on its way."}
NOT_GOOD = "This link has expired or was used already. Ask for a new one."
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
    def test_answers_an_access_token_alone_and_does_not_rotate(self, api, tokens, settings):
        settings.ROTATE_REFRESH_TOKENS = True
        for _ in range(2):
            status, body = post(api, REFRESH, {"refreshToken": tokens.refresh})
            assert (status, list(body)) == (200, ["accessToken"])
        assert AccessToken(body["accessToken"])["user_role"] == "customer"

    @pytest.mark.parametrize("token", ["garbage", "a.b.c"])
    def test_a_bad_token_is_401(self, api, token):
        assert post(api, REFRESH, {"refreshToken": token}) == (401, REFUSED)

    def test_an_access_token_and_an_ended_session_are_401(self, api, tokens, carol, now):
        assert post(api, REFRESH, {"refreshToken": tokens.access}) == (401, REFUSED)
        actions.end_all_sessions(user=carol, now=now)
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)

    def test_the_token_is_required(self, api):
        assert post(api, REFRESH, {}) == (400, {"refreshToken": ["This field is required."]})


class TestLogout:
    @pytest.mark.parametrize("name", ["refreshToken", "refresh"])
    def test_ends_the_session_and_no_other(self, api, carol, tokens, as_carol, now, name):
        other = actions.open_session(user=carol, now=now)
        assert post(api, LOGOUT, {name: tokens.refresh}) == (204, None)
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert as_carol.get("/api/referrals/me/").status_code == 401
        assert post(api, REFRESH, {"refreshToken": other.refresh})[0] == 200

    def test_a_second_time_is_401(self, api, tokens):
        post(api, LOGOUT, {"refreshToken": tokens.refresh})
        assert post(api, LOGOUT, {"refreshToken": tokens.refresh}) == (401, REFUSED)

    def test_a_token_is_required(self, api):
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

    def test_history_says_who(self, as_carol, carol):
        post(as_carol, CHANGE, self.body)
        assert carol.history.latest().history_user_id == carol.pk

    def test_without_a_token_is_401(self, api):
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
                    "error": "The old password is not right.",
                    "oldPassword": ["The old password is not right."],
                },
            ),
            ({"newPassword": "short"}, 400, {"error": TOO_SHORT, "newPassword": [TOO_SHORT]}),
            ({"newPassword": ""}, 400, {"newPassword": ["This field may not be blank."]}),
        ],
    )
    def test_refusals_change_nothing(self, as_carol, carol, change, status, body):
        before = User.objects.values_list("password").get(pk=carol.pk)
        assert post(as_carol, CHANGE, self.body | change) == (status, body)
        assert User.objects.values_list("password").get(pk=carol.pk) == before
        assert living(carol) == 1

    def test_guesses_count_as_those_at_the_sign_in(self, api, as_carol, carol):
        for _ in range(10):
            post(as_carol, CHANGE, self.body | {"oldPassword": "wrong"})
        refusal = (429, {"error": "Too many sign-in attempts. Try again later."})
        assert post(as_carol, CHANGE, self.body) == refusal
        assert post(api, "/api/auth/login/", {"email": carol.email, "password": PASSWORD}) == refusal

    def test_a_kept_answer_holds_no_guessable_hash_of_the_password(self, as_carol):
        post(as_carol, CHANGE, self.body, HTTP_IDEMPOTENCY_KEY="once")
        assert IdempotencyKey.objects.get().status == 200
        assert post(as_carol, CHANGE, self.body, HTTP_IDEMPOTENCY_KEY="once")[0] == 401


def ask(api, email, capture, **extra):
    with capture(execute=True):
        return post(api, FORGOT, {"email": email}, **extra)


def link_in(message):
    text = message.body
    return re.search(r"https?://\S+", text)[0]


def token_in(message):
    return parse_qs(urlsplit(link_in(message)).query)["token"][0]


class TestForgot:
    def test_mails_a_link_as_text_and_html(self, api, carol, django_capture_on_commit_callbacks):
        assert ask(api, carol.email.upper(), django_capture_on_commit_callbacks) == (202, ON_ITS_WAY)
        (message,) = mail.outbox
        link = link_in(message)
        assert (message.to, message.subject) == ([carol.email], "Your new password")
        assert link.startswith("http://localhost:8000/reset-password?token=")
        assert "Hello Carol," in message.body
        ((html, kind),) = message.alternatives
        assert kind == "text/html"
        assert f'<a href="{link}">' in html

    def test_the_link_opens_the_apps_page(self, api, carol, settings, django_capture_on_commit_callbacks):
        settings.PASSWORD_RESET_URL = "https://app.example.com/new-password"
        ask(api, carol.email, django_capture_on_commit_callbacks)
        assert link_in(mail.outbox[0]).startswith("https://app.example.com/new-password?token=")

    @pytest.mark.parametrize("case", ["unknown", "deactivated"])
    def test_says_the_same_to_a_stranger_and_mails_nothing(
        self, api, carol, case, django_capture_on_commit_callbacks
    ):
        User.objects.update(is_active=False)
        email = carol.email if case == "deactivated" else "nobody@example.com"
        assert ask(api, email, django_capture_on_commit_callbacks) == (202, ON_ITS_WAY)
        assert mail.outbox == []

    def test_a_walk_in_gets_his_first_password(self, api, django_capture_on_commit_callbacks):
        wanda = UserFactory(email="wanda@example.com", password=None)
        ask(api, wanda.email, django_capture_on_commit_callbacks)
        body = {"token": token_in(mail.outbox[0]), "password": NEW, "passwordConfirm": NEW}
        assert post(api, RESET, body) == (200, CHANGED)
        assert may_sign_in(wanda, NEW)

    def test_known_and_unknown_ask_the_same_queries(self, api, carol, django_capture_on_commit_callbacks):
        counts = [
            count_queries(lambda email=email: ask(api, email, django_capture_on_commit_callbacks))
            for email in (carol.email, "nobody@example.com")
        ]
        assert counts[0] == counts[1]

    def test_the_eleventh_for_one_email_is_429_for_known_and_unknown(self, api, carol):
        for email in (carol.email, "nobody@example.com"):
            answers = [post(api, FORGOT, {"email": email}, REMOTE_ADDR=f"198.51.100.{n}") for n in range(11)]
            assert answers == [(202, ON_ITS_WAY)] * 10 + [
                (429, {"error": "Too many requests for a new password. Try again later."})
            ]

    def test_the_21st_from_one_address_is_429(self, api):
        answers = [post(api, FORGOT, {"email": f"p{n}@example.com"})[0] for n in range(21)]
        assert answers == [202] * 20 + [429]

    def test_a_wrong_email_is_named(self, api):
        assert post(api, FORGOT, {"email": "x"}) == (400, {"email": ["Enter a valid email address."]})


class TestReset:
    def body(self, user, **change):
        user.refresh_from_db()  # the token is signed over the last sign-in
        return {"token": reset_token(user), "password": NEW, "passwordConfirm": NEW, **change}

    def test_sets_the_password_and_ends_every_session(self, api, carol, tokens):
        assert post(api, RESET, self.body(carol)) == (200, CHANGED)
        assert living(carol) == 0
        assert post(api, REFRESH, {"refreshToken": tokens.refresh}) == (401, REFUSED)
        assert may_sign_in(carol, NEW)
        assert not may_sign_in(carol, PASSWORD)

    def test_is_good_once(self, api, carol):
        body = self.body(carol)
        assert post(api, RESET, body)[0] == 200
        again = body | {"password": "yet another horse", "passwordConfirm": "yet another horse"}
        assert post(api, RESET, again) == (400, {"error": NOT_GOOD, "token": [NOT_GOOD]})
        assert may_sign_in(carol, NEW)

    @pytest.mark.parametrize("case", ["garbage", "foreign", "cut", "deactivated", "signed in", "other email"])
    def test_a_bad_token_changes_nothing(self, api, carol, tim, now, case):
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

    def test_expires(self, api, carol, settings):
        body = self.body(carol)
        settings.PASSWORD_RESET_TIMEOUT = -1
        assert post(api, RESET, body) == (400, {"error": NOT_GOOD, "token": [NOT_GOOD]})

    def test_a_weak_password_leaves_the_token_good(self, api, carol):
        body = self.body(carol)
        weak = body | {"password": "short", "passwordConfirm": "short"}
        assert post(api, RESET, weak) == (400, {"error": TOO_SHORT, "password": [TOO_SHORT]})
        assert post(api, RESET, body) == (200, CHANGED)

    def test_both_passwords_are_the_same(self, api, carol):
        body = self.body(carol, passwordConfirm="something else")
        assert post(api, RESET, body) == (
            400,
            {"passwordConfirm": ["The two passwords are not the same."]},
        )
        assert may_sign_in(carol, PASSWORD)

    def test_wrong_guesses_are_forgotten(self, api, carol):
        login = {"email": carol.email, "password": NEW}
        for _ in range(11):
            post(api, "/api/auth/login/", login)
        assert post(api, "/api/auth/login/", login)[0] == 429
        post(api, RESET, self.body(carol))
        assert post(api, "/api/auth/login/", login)[0] == 200


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_resets_with_one_token_one_succeeds(carol):
    token = reset_token(carol)

    def reset(number):
        password = f"horse battery {number}"
        body = {"token": token, "password": password, "passwordConfirm": password}
        return post(APIClient(), RESET, body)[0]

    outcomes = parallel(8, reset)
    assert sorted(outcomes) == [200] + [400] * 7
    assert may_sign_in(carol, f"horse battery {outcomes.index(200)}")


class TestSignInRace:
    """A sign-in that runs while the password is being changed opens no session that outlives the change."""

    def test_the_password_is_asked_for_again_when_the_session_is_opened(self, carol, now):
        looked_at = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        passwords.change_password(user=carol, password=NEW, now=now)
        with pytest.raises(actions.WrongCredentials):
            actions.open_session(user=looked_at, now=now)
        assert not Session.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda user, now: actions.change_role(user=user, role="manager", now=now),
            lambda user, now: actions.set_active(user=user, is_active=False, now=now),
        ],
        ids=["role", "activity"],
    )
    def test_and_so_are_role_and_activity(self, carol, now, change):
        looked_at = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        change(carol, now)
        with pytest.raises(actions.WrongCredentials):
            actions.open_session(user=looked_at, now=now)

    def test_an_outdated_hash_is_not_renewed_over_a_new_password(self, carol, settings, now):
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        looked_at = User.objects.get(pk=carol.pk)
        passwords.change_password(user=carol, password=NEW, now=now)
        assert looked_at.check_password(PASSWORD)  # the hash that was read, of the outdated kind
        assert may_sign_in(carol, NEW)
        assert not may_sign_in(carol, PASSWORD)
        assert User.objects.get(pk=carol.pk).password.startswith("pbkdf2")

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("first", ["change", "sign-in"])
    def test_whichever_has_begun_first_the_other_waits_for_it(self, carol, now, first):
        looked_at = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        verbs = {
            "change": lambda: passwords.change_password(user=carol, password=NEW, now=now),
            "sign-in": lambda: actions.open_session(user=looked_at, now=now),
        }
        begun = Event()

        def work(number):
            if number == 0:
                with transaction.atomic():
                    verbs.pop(first)()
                    begun.set()
                    time.sleep(0.2)
                return None
            begun.wait(timeout=30)
            return next(iter(verbs.values()))()

        _, outcome = parallel(2, work)
        assert isinstance(outcome, actions.WrongCredentials) is (first == "change")
        assert living(carol) == 0
        assert may_sign_in(carol, NEW)

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_no_session_on_the_old_password_is_left_after_a_storm(self, carol, now):
        def work(number):
            if number == 4:
                passwords.change_password(user=carol, password=NEW, now=now)
                return "changed"
            body = {"email": carol.email, "password": PASSWORD}
            return APIClient().post("/api/auth/login/", body, format="json").status_code

        outcomes = parallel(9, work)
        assert outcomes[4] == "changed"
        assert set(outcomes) <= {"changed", 200, 401}
        assert living(carol) == 0
