"""The second factor in the admin: signing in, setting up, removing and resetting."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from django.test import Client

from accounts import second_factor
from accounts.models import RecoveryCode, SecondFactor, User
from testing.admin import buttons, page, press
from testing.factories import PASSWORD, UserFactory

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN, STEP, PAGE = "/admin/login/", "/admin/login/code/", "/admin/second-factor/"


@pytest.fixture
def code(now):
    return pyotp.TOTP(SECRET).at(now)


@pytest.fixture
def recovery_codes(tim, now):
    """Set up Tim's second factor with a code of the past, and return his recovery codes."""
    past = now - timedelta(minutes=5)
    return second_factor.set_up(user=tim, secret=SECRET, code=pyotp.TOTP(SECRET).at(past), now=past)


def enter_password(client, user, following="/admin/"):
    return client.post(
        f"{LOGIN}?next={following}", {"username": user.email, "password": PASSWORD, "next": following}
    )


def is_signed_in(client):
    return client.get("/admin/tables/").status_code == 200


def secret_on(response):
    return re.search(r"font-mono[^>]*>([A-Z2-7 ]{39})<", response.text)[1].replace(" ", "")


class TestSignIn:
    def test_asks_for_the_code_after_the_password(self, client, tim, recovery_codes, code):
        users = "/admin/vehicles/vehicle/"
        assert enter_password(client, tim, users)["Location"] == users
        assert client.get(users)["Location"] == f"{LOGIN}?next={users}"
        assert (
            client.get(f"{LOGIN}?next={users}")["Location"] == f"{STEP}?next=%2Fadmin%2Fvehicles%2Fvehicle%2F"
        )
        assert client.get(STEP).status_code == 200
        before = client.session.session_key
        assert client.post(f"{STEP}?next={users}", {"code": code})["Location"] == users
        assert client.session.session_key != before
        assert client.get(users).status_code == 200

    def test_half_way_opens_no_page(self, client, tim, recovery_codes):
        enter_password(client, tim)
        for url in (
            "/admin/",
            PAGE,
            "/admin/password_change/",
            "/admin/vehicles/vehicle/",
            "/customer/",
            "/customer/api/repairs/",
        ):
            response = client.get(url)
            assert (response.status_code, "/login/" in response["Location"]) == (302, True)
        assert client.post("/admin/second-factor/", {"step": "remove", "code": "000000"}).status_code == 302
        assert SecondFactor.objects.exists()

    def test_wrong_code_is_shown_and_counted(self, client, tim, recovery_codes, code, settings):
        settings.RATE_LOGIN = 2
        enter_password(client, tim)
        for _ in range(2):
            assert (
                "The code is wrong, has expired or was used before."
                in client.post(STEP, {"code": "000000"}).text
            )
        assert client.post(STEP, {"code": code}).status_code == 429
        assert not is_signed_in(client)

    def test_code_cannot_be_used_twice(self, tim, recovery_codes, code):
        first, second = Client(), Client()
        for browser in (first, second):
            enter_password(browser, tim)
            browser.post(STEP, {"code": code})
        assert (is_signed_in(first), is_signed_in(second)) == (True, False)

    def test_recovery_code_signs_in(self, client, tim, recovery_codes):
        enter_password(client, tim)
        client.post(STEP, {"code": recovery_codes[3]})
        assert is_signed_in(client)
        assert RecoveryCode.objects.count() == 9

    @pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_never_redirects_to_another_host(self, client, tim, recovery_codes, code, url):
        enter_password(client, tim)
        assert client.post(f"{STEP}?next={url}", {"code": code})["Location"] == "/admin/"

    def test_can_be_left(self, client, tim, recovery_codes):
        enter_password(client, tim)
        assert client.post(STEP, {"leave": "yes"})["Location"] == LOGIN
        assert client.get(LOGIN).status_code == 200
        assert client.get(STEP)["Location"] == "/admin/"

    def test_of_staff_in_the_portal_leads_to_the_step(self, client, tim, recovery_codes):
        answers = {"username": tim.email, "password": PASSWORD}
        assert client.post("/customer/login/", answers)["Location"] == STEP
        assert not is_signed_in(client)

    def test_user_without_factor_is_not_asked(self, client, tim):
        enter_password(client, tim)
        assert is_signed_in(client)
        assert client.get(STEP)["Location"] == "/admin/"


class TestPage:
    def test_sets_up_and_shows_recovery_codes_once(self, client, tim, now):
        client.force_login(tim)
        other = Client()
        other.force_login(tim)
        shown = client.get(PAGE)
        secret = secret_on(shown)
        assert secret == secret_on(client.get(PAGE))
        assert "data:image/svg+xml" in shown.text
        response = client.post(PAGE, {"step": "set_up", "code": pyotp.TOTP(secret).at(now)})
        assert len(response.context["codes"]) == 10
        assert all(code in response.text for code in response.context["codes"])
        assert response.headers["Cache-Control"] == "no-store"
        later = client.get(PAGE)
        assert (later.context["codes"], later.context["codes_left"]) == (None, 10)
        assert secret not in later.text.replace(" ", "")
        assert re.search(r"Set up on \d+ \w{3} \d{4}, \d\d:\d\d UTC\.", later.text)
        assert (is_signed_in(client), is_signed_in(other)) == (True, False)

    def test_wrong_code_sets_up_nothing(self, client, tim):
        client.force_login(tim)
        secret = secret_on(client.get(PAGE))
        response = client.post(PAGE, {"step": "set_up", "code": "000000"})
        assert "The code is wrong" in response.text
        assert secret_on(response) == secret
        assert User.objects.get(pk=tim.pk).second_factor_since is None

    def test_set_up_without_a_secret_shows_one(self, client, tim):
        client.force_login(tim)
        assert client.post(PAGE, {"step": "set_up", "code": "000000"}).context["codes"] is None

    def test_renews_recovery_codes_with_a_code(self, client, tim, recovery_codes, code):
        enter_password(client, tim)
        client.post(STEP, {"code": recovery_codes[0]})
        assert client.post(PAGE, {"step": "renew", "code": "000000"}).context["codes"] is None
        codes = client.post(PAGE, {"step": "renew", "code": code}).context["codes"]
        assert len({*codes, *recovery_codes}) == 20

    def test_removes_with_a_code(self, client, tim, recovery_codes, code):
        enter_password(client, tim)
        client.post(STEP, {"code": recovery_codes[0]})
        client.post(PAGE, {"step": "remove", "code": "000000"})
        assert SecondFactor.objects.exists()
        assert client.post(PAGE, {"step": "remove", "code": code})["Location"] == PAGE
        assert (SecondFactor.objects.exists(), is_signed_in(client)) == (False, True)

    def test_of_a_factor_removed_meanwhile_says_so(self, client, tim, recovery_codes, code, now):
        enter_password(client, tim)
        client.post(STEP, {"code": recovery_codes[0]})
        second_factor.remove(user=tim, now=now)
        client.force_login(User.objects.get(pk=tim.pk))
        assert "The code is wrong" in client.post(PAGE, {"step": "remove", "code": code}).text

    def test_is_for_staff(self, client, alice):
        assert client.get(PAGE)["Location"] == f"{LOGIN}?next=%2Fadmin%2Fsecond-factor%2F"
        client.force_login(alice.contact)
        assert client.get(PAGE).status_code == 302
        assert client.post(PAGE, {"step": "set_up", "code": "000000"}).status_code == 302


class TestRequired:
    @pytest.fixture(autouse=True)
    def _required(self, settings):
        settings.REQUIRE_SECOND_FACTOR = "STAFF"

    def test_sign_in_leads_to_setting_up_and_on(self, client, tim, now):
        enter_password(client, tim)
        assert not is_signed_in(client)
        assert client.get(LOGIN)["Location"] == STEP
        assert client.get(STEP)["Location"] == PAGE
        assert client.post(STEP, {"code": "000000"})["Location"] == PAGE
        secret = secret_on(client.get(PAGE))
        client.post(PAGE, {"step": "set_up", "code": pyotp.TOTP(secret).at(now)})
        assert is_signed_in(client)

    def test_open_session_has_to_set_up(self, client, tim):
        client.force_login(tim)
        assert not is_signed_in(client)
        assert client.get(PAGE).status_code == 200

    def test_customers_are_left_alone(self, client, alice):
        client.force_login(alice.contact)
        assert client.get("/customer/dashboard/").status_code == 200


class TestReset:
    def test_button_removes_factor_and_history_names_the_user(self, desk, ada, tim, recovery_codes):
        assert buttons(desk, tim) == ["Reset second factor"]
        assert press(desk, tim, "reset_second_factor") == [
            "The second factor is removed. The history names you."
        ]
        assert not SecondFactor.objects.exists()
        latest = tim.history.latest()
        assert (latest.history_user, latest.second_factor_since) == (ada, None)
        assert buttons(desk, tim) == []

    def test_is_not_for_oneself(self, desk, ada):
        assert buttons(desk, ada) == []
        assert desk.post(page(ada, "reset_second_factor"), {"_form_submitted": "on"}).status_code == 403

    def test_of_an_administrator_is_for_superusers(self, client, ada):
        boss, other = UserFactory(role="admin"), UserFactory(role="admin")
        client.force_login(boss)
        assert client.post(page(other, "reset_second_factor"), {"_form_submitted": "on"}).status_code == 403

    @pytest.mark.parametrize("id", ["x", "999999", "٣"])
    def test_of_unknown_user_is_refused(self, desk, id):
        url = f"/admin/accounts/user/{id}/reset_second_factor"
        assert desk.post(url, {"_form_submitted": "on"}).status_code in (403, 404)


LOGINS = {"/api/token/": 401, "/auth/login": 401, "/api/auth/login/": 401}


@pytest.mark.parametrize("url", LOGINS)
def test_token_routes_need_the_code_of_staff(api, tim, recovery_codes, code, url):
    body = {"email": tim.email, "password": PASSWORD}
    bare = api.post(url, body, format="json")
    wrong = api.post(url, body | {"code": "000000"}, format="json")
    assert (bare.status_code, wrong.status_code) == (401, 401)
    assert not tim.sessions.exists()
    assert api.post(url, body | {"code": code}, format="json").status_code == 200
    assert api.post(url, body | {"code": code}, format="json").status_code == 401


def test_token_route_of_contract_000_says_what_is_needed(api, tim, recovery_codes):
    body = {"email": tim.email, "password": PASSWORD}
    assert api.post("/api/token/", body, format="json").json() == {
        "detail": "This account has a second factor. Send its present code, or a recovery code, as `code`."
    }


@pytest.mark.parametrize("url", LOGINS)
def test_token_routes_refuse_staff_who_must_set_up_a_factor(api, tim, settings, url):
    settings.REQUIRE_SECOND_FACTOR = "STAFF"
    response = api.post(url, {"email": tim.email, "password": PASSWORD}, format="json")
    assert response.status_code == 403
    assert "Sign in to the admin to set one up." in response.text
    assert not tim.sessions.exists()
